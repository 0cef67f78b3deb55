"""What the site does, apart from pages: each function is one deed, whole or not at all. Views only call these."""
