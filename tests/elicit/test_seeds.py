"""Values from files: every form is read, and every row that cannot be used is named."""

import io
import json
import zipfile

import pytest

from pluralign.core.errors import UsageError
from pluralign.elicit.seeds import read

CSV = (
    """title,policies,summary,question
Own words first,"First sentences
Words they use",I wait.,essay
,Signs,,
Too open,,,
Ragged,Signs
Reachable,Mails to rosa@example.org,,
Long,"""
    + "x" * 300
    + """,,
Small steps,Places where somebody stopped | Steps of five minutes,,
"""
)


def test_csv_with_every_kind_of_bad_row() -> None:
    found = read("seeds.csv", ("\ufeff" + CSV).encode())
    assert [(seed.where, seed.draft.title, seed.question) for seed in found.seeds] == [
        ("line 3", "Own words first", "essay"),
        ("line 9", "Small steps", ""),
    ]
    assert found.seeds[0].draft.policies == ("First sentences", "Words they use")
    assert found.seeds[1].draft.policies == ("Places where somebody stopped", "Steps of five minutes")
    starts = ["line 4: title: Give", "line 5: policies: Name at least", "line 6: the row has 2 cells, the header 4",
              "line 7: policies: This looks like an address", "line 8: policies.0: string should have"]  # fmt: skip
    assert len(found.faults) == len(starts)
    for fault, start in zip(found.faults, starts, strict=True):
        assert fault.startswith(start), fault


def test_yaml_json_and_graphs() -> None:
    one = {"title": "Own words first", "policies": ["First sentences"], "summary": "I wait."}
    plain = read("s.json", json.dumps([one, 7, {**one, "colour": "red"}]).encode())
    assert len(plain.seeds) == 1
    assert plain.faults[0].startswith("value 2: '7' is no value")
    assert "'colour' is no field" in plain.faults[1]
    yaml = read("s.yaml", b"values:\n- title: Own words first\n  summary: I wait.\n  policies: [First sentences]\n")
    published = {"values": [{"id": 3, "title": "Own words first", "instructionsShort": "I wait.", "createdAt": "x",
                             "instructionsDetailed": "", "evaluationCriteria": ["First sentences"]}]}  # fmt: skip
    graph = read("graph.json", json.dumps(published).encode())
    assert yaml.seeds[0].draft == graph.seeds[0].draft == plain.seeds[0].draft


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("seeds.txt", b"", "is no file of seeds"),
        ("seeds.csv", b"name\nx\n", "no column 'title'"),
        ("seeds.csv", b'title\n"open', "no CSV that can be read: line 2"),
        ("seeds.csv", b"\xff\xfe", "not text in UTF-8"),
        ("seeds.json", b"[1,\n", "no JSON that can be read: line 2"),
        ("seeds.yaml", b"a: [\n", "no YAML that can be read in line 2"),
        ("seeds.yaml", b"title: x\n", "holds no list of values"),
        ("export.zip", b"no", "no ZIP that can be read"),
        ("seeds.csv", b"x" * 4_000_001, "4,000,001 bytes"),
    ],
)
def test_files_that_are_none(name: str, content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(name, content)


COMMENTS = """comment-id,agrees,disagrees,moderated,is-meta,comment-body
0,2,1,1,false,Public places should stay open at night for those who have nowhere else to go.
1,1,1,0,false,Trees first
2,0,0,-1,false,Buy my soap
3,1,0,1,true,This survey is too long
4,x,0,1,false,Counts are wrong here
1,1,1,1,false,Twice
6,1,0,1,false,Write to rosa@example.org
"""


def test_polis_statements_become_values_without_policies() -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("export/comments.csv", COMMENTS)
    for found in (read("comments.csv", COMMENTS.encode()), read("export.zip", zipped.getvalue())):
        assert found.is_polis
        first, second = found.seeds
        assert first.draft.title == "Public places should stay open at night for…"
        assert first.draft.summary.endswith("nowhere else to go.")
        assert (second.where, second.draft.title, second.draft.policies) == ("statement 1", "Trees first", ())
        assert [fault.split(":")[0] for fault in found.faults] == ["line 6", "line 7", "statement 6"]
        assert "expected a whole number, found 'x'" in found.faults[0]
        assert found.left_out == (
            "1 statement that moderators of the conversation rejected was left out.",
            "1 statement about the conversation was left out.",
        )
