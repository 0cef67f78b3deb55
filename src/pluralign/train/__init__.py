"""Records in, adapter out."""
