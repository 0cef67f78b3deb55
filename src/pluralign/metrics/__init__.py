"""Pure functions: distributions in, numbers out. Knows no file, no model and no page."""
