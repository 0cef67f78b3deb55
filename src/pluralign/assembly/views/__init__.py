"""Participants' pages. Thin: they read a request, call `services`, and show a template."""
