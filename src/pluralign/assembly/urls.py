"""The map of the site. Every view says in `access` who may open it; the route test holds each line to it."""

from django.urls import include, path
from django.views.i18n import set_language

from pluralign.assembly import admin_site, urls_organise
from pluralign.assembly.access import public
from pluralign.assembly.views import errors, home, joining

urlpatterns = [
    path("", joining.front, name="front"),
    path("language/", public(set_language), name="language"),
    path("sign-in/", joining.sign_in, name="sign-in"),
    path("sign-in/code/", joining.sign_in_code, name="sign-in-code"),
    path("sign-out/", joining.sign_out, name="sign-out"),
    path("come-back/", joining.come_back, name="come-back"),
    path("a/<slug:slug>/", joining.welcome, name="welcome"),
    path("a/<slug:slug>/example/", joining.example, name="example"),
    path("a/<slug:slug>/join/", joining.consent, name="consent"),
    path("a/<slug:slug>/via/<str:token>/", joining.recruited, name="recruited"),
    path("a/<slug:slug>/return-code/", joining.return_code, name="return-code"),
    path("a/<slug:slug>/return-code/kept/", joining.return_code_kept, name="return-code-kept"),
    path("a/<slug:slug>/return-code/new/", joining.new_return_code, name="return-code-new"),
    path("a/<slug:slug>/mine/", home.home, name="home"),
    path("organise/", include(urls_organise)),
    path("admin/", admin_site.site.urls),
]
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.broken
