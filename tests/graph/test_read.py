"""Files: what is read, and that every fault is named by file, row and column."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pluralign.core.errors import DataError
from pluralign.core.moral_graph import Relationship
from pluralign.graph.read import moment, read_cards, read_cases, read_judgements, read_participants, read_people

HEADER = "user,from_value,to_value,relationship,context,created_at\n"
GOOD = "1,10,11,upgrade,When asked,2024-01-01T10:00:00.000Z\n"


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path / "j.csv")


class Write:
    """Writes a file and gives its path."""

    def __init__(self, path: Path):
        self.path = path

    def __call__(self, text: str) -> Path:
        self.path.write_bytes(text.encode())
        return self.path


def test_judgements_come_in_order_of_creation(write: Write) -> None:
    path = write(
        HEADER
        + '2,11,12,not_sure,"At home, alone",2024-01-02\n'
        + "1,10,11,upgrade,When asked,2024-01-01T10:00:00.123Z\n"
        + "3,10,11,no_upgrade,When asked,2024-01-01T12:30:00+02:00\n"
    )
    first, second, third = read_judgements(path).judgements()
    assert (first.participant, first.source, first.candidate) == ("1", "10", "11")
    assert first.judged_at == datetime(2024, 1, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert (second.participant, second.relationship) == ("3", Relationship.NOT_WISER)  # 10:30 UTC
    assert (third.context, third.relationship) == ("At home, alone", Relationship.UNSURE)
    assert third.judged_at == datetime(2024, 1, 2, tzinfo=UTC)  # a date without a zone is UTC


def test_columns_may_stand_in_any_order_and_more_may_be_there(write: Write) -> None:
    path = write(
        "comment,createdAt,contextId,relationship,toId,fromId,userId\n"
        '"two\nlines",2024-01-01T10:00:00Z,c,less_wise,11,10,1\n'
    )
    (only,) = read_judgements(path).judgements()
    assert (only.source, only.candidate, only.relationship) == ("10", "11", Relationship.LESS_WISE)


def test_a_byte_order_mark_and_windows_line_ends_are_read(write: Write) -> None:
    path = write("\ufeff" + (HEADER + GOOD).replace("\n", "\r\n"))
    assert len(read_judgements(path)) == 1


def test_a_file_with_a_header_alone_has_no_judgements(write: Write) -> None:
    assert len(read_judgements(write(HEADER))) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "j.csv: is empty; expected a header line"),
        ("user,from_value\n1,2\n", "j.csv:1: no column 'to_value'; the header has 'user', 'from_value'"),
        ("user," + HEADER + "1," + GOOD, "j.csv:1: column 'user' stands there twice"),
        (HEADER + GOOD + "1,10,11\n", "j.csv:3: has 3 fields; the header has 6"),
        (HEADER + GOOD + GOOD.replace("upgrade", "better"), "j.csv:3: relationship: 'better' is not one of "),
        (HEADER + GOOD + GOOD.replace("When asked", " "), "j.csv:3: context: must not be blank"),
        (HEADER + GOOD.replace("1,10", ",10"), "j.csv:2: user: must not be blank"),
        (HEADER + GOOD + GOOD.replace(",11,", ",99,"), "j.csv:3: to_value: no card has the id '99'"),
        (HEADER + GOOD + GOOD.replace(",10,", ",98,"), "j.csv:3: from_value: no card has the id '98'"),
        (
            HEADER + GOOD + GOOD.replace("2024-01-01", "1/1/2024 "),
            "j.csv:3: created_at: '1/1/2024 T10:00:00.000Z' is not",
        ),
        (HEADER + GOOD + GOOD.replace("2024-01", "2024-13"), "j.csv:3: created_at: '2024-13-01T10:00:00.000Z' is not"),
        (HEADER + GOOD.replace("2024-01-01T10:00:00.000Z", ""), "j.csv:2: created_at: '' is not a date"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(write: Write, text: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        read_judgements(write(text), values={"10", "11"})
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_line_is_right_after_blank_lines_and_entries_of_two_lines(write: Write) -> None:
    two = GOOD.replace("When asked", '"When\nasked"')
    with pytest.raises(DataError, match=r"j\.csv:6: relationship"):
        read_judgements(write(HEADER + two + "\n\n" + GOOD.replace("upgrade", "?")))


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: cannot be read: No such file"):
        read_judgements(tmp_path / "none.csv")
    latin = tmp_path / "latin.csv"
    latin.write_bytes((HEADER + GOOD.replace("When", "Wén")).encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.csv:2: is not UTF-8"):
        read_judgements(latin)


def test_a_value_judged_against_itself_is_counted_and_set_aside(write: Write) -> None:
    table = read_judgements(write(HEADER + GOOD + GOOD.replace("11", "10") + GOOD.replace("1,10,11", "2,12,12")))
    assert len(table) == 1
    (lost,) = table.set_aside
    assert (lost.count, lost.reason, lost.example) == (2, "a value judged against itself", "j.csv, data row 2")


entry = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip())


@given(
    st.lists(st.tuples(entry, st.sampled_from(["upgrade", "not_sure", "different"]), entry, st.datetimes()), max_size=8)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_csv_writer_wrote_is_read_back(write: Write, rows: list[tuple[str, str, str, datetime]]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["user", "from_value", "to_value", "relationship", "context", "created_at"])
    for user, relationship, context, when in rows:
        writer.writerow([user, "a", "b", relationship, context, when.isoformat() + "Z"])
    found = read_judgements(write(text.getvalue())).judgements()
    wanted = sorted(
        ((user, context, when.replace(tzinfo=UTC)) for user, _, context, when in rows), key=lambda row: row[2]
    )
    assert [(row.participant, row.context, row.judged_at) for row in found] == wanted


def test_cards_in_the_published_names_and_in_ours(tmp_path: Path) -> None:
    path = tmp_path / "cards.json"
    theirs = {
        "id": 7,
        "title": "T",
        "instructionsShort": "s",
        "instructionsDetailed": "d",
        "evaluationCriteria": ["P", "Q"],
        "createdAt": "2023-09-30T06:00:09.346Z",
        "pageRank": 0.1,
    }
    ours = {"id": "8", "title": "U", "policies": ["R"]}
    path.write_text(json.dumps({"values": [theirs, ours]}))
    first, second = read_cards(path)
    assert (first.id, first.summary, first.description, first.policies) == ("7", "s", "d", ("P", "Q"))
    assert second.policies == ("R",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{]", "cards.json:1: is not JSON"),
        ('{"cards": []}', "cards.json: expected a list of cards"),
        ("[3]", "cards.json, card 1: expected a card, found 3"),
        ('[{"id": 1, "title": "T"}, {"id": 2}]', "cards.json, card 2: title: Field required"),
        ('[{"id": 1, "title": "T"}, {"id": "1", "title": "U"}]', "cards.json, card 2: id: id '1' stands there twice"),
        ('[{"id": 1, "title": "T", "mood": "x"}]', "cards.json, card 1: mood: Extra inputs"),
        ('[{"id": 1, "title": "T", "evaluationCriteria": "P"}]', "card 1: evaluationCriteria: Input should be"),
    ],
)
def test_faulty_cards_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cards.json"
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        read_cards(path)
    assert message in str(raised.value)


def test_cases_and_people(tmp_path: Path) -> None:
    path = tmp_path / "contexts.json"
    path.write_text('[{"context": "c", "case": "x"}, {"context": "c", "case": "y"}, {"context": "c", "case": "x"}]')
    assert read_cases(path) == (("c", "x"), ("c", "y"))
    path.write_text('[{"context": "c"}]')
    with pytest.raises(DataError, match=r"entry 1: expected \{context, case\}"):
        read_cases(path)
    people = tmp_path / "people.txt"
    people.write_text("1\n\n 2 \n")
    assert read_people(people) == {"1", "2"}
    people.write_text("\n")
    with pytest.raises(DataError, match="names no participant"):
        read_people(people)


def test_participants_and_their_groups(write: Write) -> None:
    found = read_participants(write("user,party,age\n1,red,30\n2,,40\n"))
    assert found.groups == {"party": {"1": "red"}, "age": {"1": "30", "2": "40"}}
    with pytest.raises(DataError, match=r"j\.csv:3: user: participant '1' stands there twice"):
        read_participants(write("user,party\n1,red\n1,blue\n"))
    with pytest.raises(DataError, match=r"j\.csv:1: no column 'user'"):
        read_participants(write("name,party\n1,red\n"))
    with pytest.raises(DataError, match=r"j\.csv:1: no column 'sex'"):
        read_participants(write("user,party\n1,red\n"), attributes=["sex"])


def test_a_moment_is_a_date_or_a_timestamp() -> None:
    assert moment("2023-10-18") == datetime(2023, 10, 18, tzinfo=UTC)
    assert moment("2023-10-18T06:30:00Z") == datetime(2023, 10, 18, 6, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        moment("yesterday")
