"""Django's admin: for superusers only, and without a word of participants."""

from typing import Any

import pytest

from pluralign.assembly.admin_site import site
from pluralign.assembly.services import organising
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db


def test_a_superuser_sees_what_is_set_up_and_nobody_else_does(assembly: Any) -> None:
    superuser = signed_in(organising.first_organiser())
    owner = signed_in(assembly.memberships.get().person)
    for model in site._registry:
        path = f"/admin/assembly/{model._meta.model_name}/"
        assert superuser.get(path).status_code == 200, path
        assert owner.get(path).status_code == 302, path
    assert superuser.get(f"/admin/assembly/assembly/{assembly.pk}/change/").status_code == 200
    assert superuser.get("/admin/assembly/auditentry/add/").status_code == 403


def test_no_words_of_participants_are_in_the_admin() -> None:
    shown = {model._meta.model_name for model in site._registry}
    assert not shown & {"dialogue", "message", "card", "cardversion", "vote", "judgement", "person", "logincode"}
