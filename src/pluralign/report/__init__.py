"""Numbers to pages: the report of a poll, the viewer of a moral graph. Computes no measure of its own."""
