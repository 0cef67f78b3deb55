"""A command line, run here or on a SLURM cluster. A job is words that a person could type."""
