"""Tells Django about this site."""

from django.apps import AppConfig


class AssemblySite(AppConfig):
    """The one application of the site."""

    name = "pluralign.assembly"
    label = "assembly"
    verbose_name = "Assembly"
    default_auto_field = "django.db.models.BigAutoField"
