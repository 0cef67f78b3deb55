"""Routes of the organisers' pages, below /organise/."""

from django.urls import path

from pluralign.assembly.views_organise import home

urlpatterns = [
    path("", home.home, name="organise"),
    path("enter/", home.enter, name="organise-enter"),
]
