"""Results as files: what is in them, what must never be, and that the graph's own commands read them."""

import csv
import errno
import io
import json
import re
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pluralign.assembly.models import (
    Assembly,
    AuditEntry,
    Belonging,
    CanonicalValue,
    Dialogue,
    Judgement,
    Membership,
    Message,
    Participation,
    Person,
    Recruitment,
    Role,
    Vote,
)
from pluralign.assembly.services import export_files, exporting, joining, results
from pluralign.cli.main import app
from pluralign.core.errors import UsageError
from pluralign.graph.export import read_graph
from tests.assembly import crowd
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db


def rows(made: export_files.Export, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made.files[name].decode())))


@pytest.fixture
def judged(assembly: Assembly) -> Assembly:
    """Six people who judged three values in one situation."""
    crowd.few_values(assembly)
    crowd.people(assembly, 6)
    return assembly


def test_the_graph_is_there_in_the_published_schema_and_the_commands_read_it(judged: Assembly, tmp_path: Path) -> None:
    made = export_files.export(judged, k=5, by=None)
    for name, content in made.files.items():
        (tmp_path / name).write_bytes(content)
    graph = read_graph(tmp_path / "graph-essay.json")
    assert {edge.counts.wiser for edge in graph.edges} == {6}
    assert len(graph.edges) == 3
    assert made.edges == 3
    whole = read_graph(tmp_path / "graph-essay-with-intervals.json")
    assert whole.participants == 6
    assert all(edge.support_interval is not None for edge in whole.edges)
    result = CliRunner().invoke(app, ["graph", "charter", str(tmp_path / "graph-essay.json")], catch_exceptions=False)
    assert result.exit_code == 0
    best = min(judged.questions.get().values.all(), key=lambda value: value.pk)
    assert best.title in result.output


def test_without_numbers_of_people_what_fewer_than_k_share_is_coarser_or_left_out(assembly: Assembly) -> None:
    crowd.few_values(assembly, contexts=2)
    many = crowd.people(assembly, 6)
    first, second = assembly.contexts.all()
    Judgement.objects.filter(context=first, participation__in=many[:4]).delete()  # two people are left in it
    material = exporting.gather(assembly, 5)
    assert len(material.whole) == 18
    assert {row.context for row in material.whole} == {second.text}
    assert material.coarsened == []
    assert material.withheld == 6, "three pairs, two people"
    told = exporting.gather(assembly, 2)
    assert (len(told.whole), told.withheld) == (24, 0)


def test_the_same_pair_in_rare_situations_is_told_without_them(assembly: Assembly) -> None:
    crowd.few_values(assembly, values=2, contexts=2)
    many = crowd.people(assembly, 6)
    first, second = assembly.contexts.all()
    Judgement.objects.filter(context=first, participation__in=many[:3]).delete()
    Judgement.objects.filter(context=second, participation__in=many[3:]).delete()
    made = export_files.export(assembly, k=5, by=None)
    told = rows(made, "judgements.csv")
    assert len(told) == 6, "six people judged the pair, three in each situation"
    assert {row["context"] for row in told} == {""}
    assert "graph-essay.json" not in made.files
    assert "6 are given without it" in made.files["README.md"].decode()


def test_every_row_and_number_is_shared_by_k_people_whichever_way_they_were_asked(judged: Assembly) -> None:
    for k in (2, 5, 6):
        material = exporting.gather(judged, k)
        people = defaultdict(set)
        for row in material.whole:
            people[row.context, row.source, row.candidate].add(row.person)
        assert all(len(who) >= k for who in people.values())
        kept = {(row.source, row.candidate, row.relationship) for row in material.whole}
        assert all((answer == "wiser") == (candidate < source) for source, candidate, answer in kept), (
            "a judgement that is turned says the same"
        )
    assert exporting.gather(judged, 6).turned > 0
    nothing = export_files.export(judged, k=7, by=None)
    assert rows(nothing, "judgements.csv") == rows(nothing, "votes.csv") == []


PLANTED = ("Rosalind Quickenborne", "rosalind.q@mail.example.org", "+49 170 5550123", "@rosaquick", "5f3eabcd99")
"""What must not be in any export: a name, an address, a number, an account, a panel's id."""


def test_nothing_personal_is_in_any_byte(judged: Assembly) -> None:
    name, address, number, account, panel_id = PLANTED
    recruitment = Recruitment.objects.create(assembly=judged, name="Panel", return_code="COMPLETED9")
    person = Person.objects.create_person(name=name, return_digest="d" * 64, email_digest="e" * 64)
    mine = joining.join(judged, person, share_reasons=True, recruitment=recruitment, external_id=panel_id).participation
    crowd.judge_all(mine, reason=f"Write to {address} or {number}, says {account}, and see https://rosa.example/me.")
    assert set(Judgement.objects.filter(participation=mine).values_list("moderation", flat=True)) == {"waiting"}
    Judgement.objects.filter(participation=mine).update(moderation="ok")  # a moderator overlooked it
    silent = joining.join(judged, None, share_reasons=False, share_transcript=True).participation
    crowd.judge_all(silent, reason="Nobody may quote this.")
    dialogue = Dialogue.objects.create(participation=mine, question=judged.questions.get(), mode="form", state={})
    Message.objects.create(dialogue=dialogue, position=0, author="participant", text="My secret story.", stage="open")
    value = judged.questions.get().values.first()
    value.title, value.summary = f"Ask {address}", f"Call {number} or {account}"
    value.policies = [f"Mails to {address}", "Other signs"]
    value.save()
    card = crowd.say(mine, "Hearing the quiet ones")
    card.offers.create(version=card.latest, value=value, distance=0.1, answer="nearly", adds="My own addition.")
    for k, linked in ((1, True), (1, False), (2, False), (5, False)):
        made = export_files.export(judged, k=k, by=None, linked=linked)
        archive = zipfile.ZipFile(io.BytesIO(made.archive()))
        everything = [info.filename.encode() for info in archive.infolist()]
        everything += [archive.read(info) for info in archive.infolist()]
        whole = b"\n".join(everything).decode()
        secrets = [*PLANTED, "Nobody may quote this", "My secret story", "My own addition", "rosa.example", "d" * 64,
                   "e" * 64, "COMPLETED9", "Rosalind"]  # fmt: skip
        for each in Participation.objects.all():
            secrets += [str(each.code), each.person.handle, each.external_digest or "no digest"]
        for each in (*Judgement.objects.all(), *Vote.objects.all()):
            secrets += [str(each.drawn.draw_id), each.created_at.isoformat(), f"{each.created_at:%H:%M:%S}"]
        assert [secret for secret in secrets if secret in whole] == []
        assert ("Write to […] or […], says […]" in whole) == (k <= 5), "what is left of a reason may be quoted"


def test_a_value_is_not_told_without_the_consent_of_anybody_who_says_it(judged: Assembly) -> None:
    mine = joining.join(judged, None).participation
    card = crowd.say(mine, "Hearing the quiet ones")
    assert b"Hearing the quiet ones" in export_files.export(judged, k=5, by=None).files["values.csv"]
    mine.consents.update(share_card=False)
    made = export_files.export(judged, k=5, by=None)
    assert all(b"Hearing the quiet ones" not in content for content in made.files.values())
    assert "1 withheld because no author agreed" in made.files["README.md"].decode()
    other = joining.join(judged, None).participation
    other.cards.create(question=card.question, canonical=card.canonical, status="submitted")
    assert b"Hearing the quiet ones" in export_files.export(judged, k=5, by=None).files["values.csv"]


def test_numbers_of_values_and_order_of_rows_tell_nothing_of_when(judged: Assembly) -> None:
    made = export_files.export(judged, k=5, by=None)
    told = rows(made, "values.csv")
    by_title = {value.title: value for value in CanonicalValue.objects.all()}
    keys = [by_title[row["title"]] for row in sorted(told, key=lambda row: int(row["value"]))]
    assert [value.content_hash for value in keys] == sorted(value.content_hash for value in keys)
    for name in ("judgements.csv", "votes.csv"):
        lines = [list(row.values()) for row in rows(made, name)]
        assert lines == sorted(lines)
    assert "created_at" not in made.files["judgements.csv"].decode()


def test_people_are_counted_by_group_without_small_ones(judged: Assembly) -> None:
    attribute = judged.attributes.create(slug="age", question="How old are you?")
    young, old = attribute.groups.create(text="young"), attribute.groups.create(text="old")
    people = list(judged.participations.all())
    for place, mine in enumerate(people):
        Belonging.objects.create(participation=mine, attribute=attribute, group=young if place < 4 else old)
    found = {(row["of"], row["group"]): row for row in rows(export_files.export(judged, k=3, by=None), "people.csv")}
    assert found["all", ""]["joined"] == "6"
    assert (found["age", "young"]["joined"], found["age", "old"]["joined"]) == ("", ""), "6 - 4 would tell the 2"
    told = rows(export_files.export(judged, k=2, by=None), "groups.csv")
    assert {row["group"] for row in told} == {"young", "old"}
    assert sum(int(row[kind]) for row in told for kind in exporting.KINDS) == 18
    assert rows(export_files.export(judged, k=3, by=None), "groups.csv") == []


def test_with_numbered_people_the_graph_can_be_built_again(judged: Assembly, tmp_path: Path) -> None:
    made = export_files.export(judged, k=1, by=None, linked=True)
    for name, content in made.files.items():
        (tmp_path / name).write_bytes(content)
    command = ["graph", "build", str(tmp_path / "judgements.csv"), "--cards", str(tmp_path / "values.json"),
               "--contexts", str(tmp_path / "contexts.json"), "--json", str(tmp_path / "again.json")]  # fmt: skip
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    again, before = (read_graph(tmp_path / name) for name in ("again.json", "graph-essay-with-intervals.json"))
    assert [edge.counts for edge in again.edges] == [edge.counts for edge in before.edges]
    assert again.participants == before.participants
    assert "Not anonymous" in made.files["README.md"].decode()
    assert len({row["user"] for row in rows(made, "judgements.csv")}) == 6
    twice = export_files.export(judged, k=1, by=None, linked=True)
    users = [{row["user"] for row in rows(each, "judgements.csv")} for each in (made, twice)]
    assert users[0].isdisjoint(users[1]), "numbers are new in each export"


def test_simulated_people_and_merged_values_are_counted_right(judged: Assembly) -> None:
    Participation.objects.filter(pk=judged.participations.first().pk).update(is_simulated=True)
    first, second, third = judged.questions.get().values.all()
    CanonicalValue.objects.filter(pk=second.pk).update(merged_into=first, status="merged")
    material = exporting.gather(judged, 5)
    assert set(material.values) == {first.pk, third.pk}
    assert len(material.whole) == 5, "one pair is left, five people, each once"
    assert {row.pair for row in material.whole} == {(first.pk, third.pk)}
    assert len(results.judgements_of(judged.questions.get())) == 5, "as in the live graph"
    assert len(material.voted) == 10


def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(judged: Assembly) -> None:
    value = judged.questions.get().values.first()
    value.title = '=HYPERLINK("evil","click")'
    value.save()
    titles = [row["title"] for row in rows(export_files.export(judged, k=5, by=None), "values.csv")]
    assert "'" + value.title in titles
    with pytest.raises(UsageError, match="k = 0"):
        export_files.export(judged, k=0, by=None)


def test_who_may_export_what_and_that_it_is_written_down(judged: Assembly) -> None:
    owner = judged.memberships.get().person
    browser = signed_in(owner)
    page = browser.get("/organise/a/example/export/?k=5").content.decode()
    assert "3 pairs of values in a situation" in page
    assert "will hold no graph" in browser.get("/organise/a/example/export/?k=7").content.decode()
    answer = browser.post("/organise/a/example/export/", {"k": 1, "do": "export", "linked": "on"})
    assert "user" in zipfile.ZipFile(io.BytesIO(answer.content)).read("judgements.csv").decode()
    entry = AuditEntry.objects.get(action="assembly.export")
    assert (entry.person, entry.detail) == (owner, {"k": 1, "linked": True, "edges": 3})

    organiser = Person.objects.create_person(name="Orla")
    Membership.objects.create(person=organiser, assembly=judged, role=Role.ORGANISER)
    browser = signed_in(organiser)
    assert browser.post("/organise/a/example/export/", {"k": 4, "do": "export"}).status_code == 422
    answer = browser.post("/organise/a/example/export/", {"k": 5, "do": "export", "linked": "on"})
    assert "user" not in zipfile.ZipFile(io.BytesIO(answer.content)).read("judgements.csv").decode(), "for owners only"
    Membership.objects.filter(person=organiser).update(role=Role.ANALYST)
    assert browser.get("/organise/a/example/export/").status_code == 404
    assert AuditEntry.objects.filter(action="assembly.export").count() == 2


def test_the_graph_is_what_the_files_say(judged: Assembly) -> None:
    made = export_files.export(judged, k=5, by=None)
    graph = json.loads(made.files["graph-essay.json"])
    told = rows(made, "transitions.csv")
    for edge in graph["edges"]:
        wiser = sum(
            int(row["wiser"]) for row in told
            if (int(row["from_value"]), int(row["to_value"])) == (edge["sourceValueId"], edge["wiserValueId"])
        ) + sum(
            int(row["less_wise"]) for row in told
            if (int(row["to_value"]), int(row["from_value"])) == (edge["sourceValueId"], edge["wiserValueId"])
        )  # fmt: skip
        assert wiser == edge["counts"]["markedWiser"]


@pytest.mark.django_db(transaction=True)
def test_the_command_writes_the_same_files(judged: Assembly, tmp_path: Path, monkeypatch: Any) -> None:
    from django.conf import settings

    from pluralign.cli import assembly as command

    monkeypatch.setattr(command, "site", lambda _folder: settings.PLURALIGN)
    monkeypatch.setenv("PLURALIGN_ASSEMBLY_DATABASE_URL", "the tests' own")
    out = tmp_path / "results"
    run = CliRunner()
    result = run.invoke(app, ["assembly", "export", "example", "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "3 edges" in result.output
    assert {path.name for path in out.iterdir()} == set(export_files.export(judged, k=5, by=None).files)
    for wrong, message in ((["example", "--out", str(out)], "not an empty folder"),
                           (["exmaple", "--out", str(tmp_path / "new")], "did you mean 'example'")):  # fmt: skip
        result = run.invoke(app, ["assembly", "export", *wrong])
        assert isinstance(result.exception, UsageError)
        assert message in str(result.exception)
    (tmp_path / "file").write_text("")
    result = run.invoke(app, ["assembly", "export", "example", "--out", str(tmp_path / "file" / "below")])
    assert isinstance(result.exception, UsageError)
    assert "Not a directory" in str(result.exception)
    full = tmp_path / "full"
    third = sorted(path.name for path in out.iterdir())[2]
    write_bytes = Path.write_bytes

    def no_room(path: Path, content: bytes) -> int:
        if third in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", no_room)
        result = run.invoke(app, ["assembly", "export", "example", "--out", str(full)])
    assert isinstance(result.exception, UsageError), "one sentence and exit code 2"
    assert re.search("nothing was exported: .*No space left on device.*choose another --out", str(result.exception))
    assert list(full.iterdir()) == [], "no half of an export lies about"
    monkeypatch.delenv("PLURALIGN_ASSEMBLY_DATABASE_URL")
    result = run.invoke(app, ["assembly", "export", "example", "--folder", str(tmp_path), "--out", str(tmp_path / "x")])
    assert "there is no assembly in" in str(result.exception)
