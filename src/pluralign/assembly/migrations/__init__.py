"""Numbered and linear: each follows the last."""
