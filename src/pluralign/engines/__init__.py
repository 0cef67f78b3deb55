"""Engines answer requests: how probable is each option, what would the model say. Only they know tokens."""
