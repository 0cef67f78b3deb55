"""Voices over HTTP: an OpenAI-compatible interface and a chat page. Knows no command line and no environment."""
