"""Answers and runs on disk. Knows no survey and no model: keys in, plain data out."""
