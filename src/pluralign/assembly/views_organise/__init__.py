"""Organisers' pages. Every view is guarded by `access.team`, which looks the role up in the assembly of the URL."""
