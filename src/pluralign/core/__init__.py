"""The nouns of pluralistic alignment: frozen and validated. Knows no file, no network and no model."""
