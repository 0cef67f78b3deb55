"""How a question is put and how an answer is read: pure functions on texts. Knows no model and no file but its own."""
