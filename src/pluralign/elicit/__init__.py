"""From an interview to a value card, and from cards to what is asked next. Pure logic: no web, no database."""
