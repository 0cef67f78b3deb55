"""Seeds from files, by page and by command: marked, written down, whole or with every bad row named."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from typer.testing import CliRunner

from pluralign.assembly.models import AuditEntry, CanonicalValue
from pluralign.assembly.services import exporting
from pluralign.cli.main import app
from pluralign.core.errors import UsageError
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db
GOOD = "title,policies\nTrees first,Shade that is there already|Roots\nQuiet hours,People who sleep\n"
BAD = GOOD + ",Signs\nElsewhere,Signs,x\n"
POLIS = "comment-id,agrees,disagrees,moderated,comment-body\n0,2,1,1,Trees should come first\n"
PATH = "/organise/a/example/seeds/bring/"


def upload(name: str, text: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, text.encode())}


def test_by_the_page(assembly: Any) -> None:
    browser = signed_in(assembly.memberships.get().person)
    before = CanonicalValue.objects.count()
    answer = browser.post(PATH, upload("seeds.csv", BAD))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "line 4: title: Give your card a name." in page
    assert "line 5: the row has 3 cells, the header 2." in page
    assert CanonicalValue.objects.count() == before, "all or nothing"
    answer = browser.post(PATH, upload("seeds.csv", BAD) | {"skip_faults": "on"}, follow=True)
    page = answer.content.decode()
    assert "Values brought: 2." in page
    assert "Left out: line 4" in page
    assert "Trees first" in page
    for value in CanonicalValue.objects.order_by("-pk")[:2]:
        assert (value.is_seed, value.status, value.moderation) == (True, "active", "ok")
    again = browser.post(PATH, upload("seeds.csv", GOOD), follow=True).content.decode()
    assert "There already: 2." in again
    assert CanonicalValue.objects.count() == before + 2
    assert AuditEntry.objects.filter(action="seeds.import").count() == 2
    assert browser.post(PATH, upload("seeds.txt", GOOD)).status_code == 422
    assert exporting.authors_of(assembly) == {}, "counted as nobody's"


def test_polis_statements_may_wait_for_a_moderator(assembly: Any) -> None:
    browser = signed_in(assembly.memberships.get().person)
    browser.post(PATH, upload("comments.csv", POLIS) | {"proposed": "yes"})
    value = CanonicalValue.objects.order_by("-pk")[0]
    assert (value.title, value.status, value.moderation, value.is_seed) == (
        "Trees should come first", "hidden", "waiting", True,
    )  # fmt: skip


def test_a_row_may_name_its_question(assembly: Any) -> None:
    assembly.questions.create(slug="park", title="The park", text="What of the park?")
    browser = signed_in(assembly.memberships.get().person)
    rows = "title,policies,question\nTrees first,Shade,park\nEverywhere,Signs,\n"
    browser.post(PATH, upload("s.csv", rows))
    found = set(
        CanonicalValue.objects.filter(title__in=["Trees first", "Everywhere"]).values_list("title", "question__slug")
    )
    assert found == {("Trees first", "park"), ("Everywhere", "park"), ("Everywhere", "essay")}
    page = browser.post(PATH, upload("s.csv", rows.replace(",park", ",prak"))).content.decode()
    assert "line 2: unknown question &#x27;prak&#x27;: did you mean &#x27;park&#x27;" in page


@pytest.mark.django_db(transaction=True)
def test_by_the_command(assembly: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from django.conf import settings

    from pluralign.cli import assembly as command

    monkeypatch.setattr(command, "site", lambda _folder: settings.PLURALIGN)
    monkeypatch.setenv("PLURALIGN_ASSEMBLY_DATABASE_URL", "the tests' own")
    (tmp_path / "bad.csv").write_text(BAD)
    (tmp_path / "polis").mkdir()
    (tmp_path / "polis" / "comments.csv").write_text(POLIS)
    run = CliRunner()
    result = run.invoke(app, ["assembly", "import", "example", str(tmp_path / "bad.csv")])
    assert isinstance(result.exception, UsageError)
    assert "line 4: title" in str(result.exception)
    result = run.invoke(app, ["assembly", "import", "example", str(tmp_path / "bad.csv"), "--skip-bad"])
    assert "left out: line 5" in result.output
    assert "2 values brought, 0 there already." in result.output
    result = run.invoke(app, ["assembly", "import", "example", str(tmp_path / "polis"), "--question", "essay"])
    assert "1 values brought" in result.output
    result = run.invoke(app, ["assembly", "import", "example", str(tmp_path / "none.csv")])
    assert "cannot be read" in str(result.exception)
    result = run.invoke(app, ["assembly", "import", "example", str(tmp_path / "polis"), "--question", "easy"])
    assert "unknown question 'easy'" in str(result.exception)
