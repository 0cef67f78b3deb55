"""A collective speaking through a model. Knows no survey run, no score and no file."""
