"""The command line, one file per command: the only place that prints, parses arguments and reads the environment."""
