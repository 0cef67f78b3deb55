"""Django's admin, for the rest: only for superusers who signed in on the site; passwords are not asked here again."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest


class SuperuserSite(AdminSite):
    """The admin, closed to staff who are no superusers: roles belong to assemblies, not to the whole site."""

    site_header = site_title = "pluralign assembly"
    index_title = "Tables"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this reader may open any page of the admin."""
        return bool(request.user.is_active and request.user.is_superuser)


site = SuperuserSite(name="admin")
