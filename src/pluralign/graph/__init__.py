"""From judgements to a moral graph: pure, exact, with its uncertainty. Knows no model and no web."""
