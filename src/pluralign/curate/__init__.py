"""Recipes: records that teach a model to speak for a collective."""
