"""The site where people deliberate: from a public's own words to a moral graph. Django, server-rendered."""
