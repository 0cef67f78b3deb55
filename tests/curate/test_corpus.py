"""A community's texts: files of every kind read, cleaned, turned into records, and nobody named in them."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.errors import DataError, UsageError
from pluralign.core.records import SftRecord
from pluralign.curate.corpus import prepare
from pluralign.curate.corpus_posts import Post, Thread
from pluralign.curate.corpus_read import Fields, expand, read_threads
from pluralign.curate.corpus_recipe import Corpus
from pluralign.curate.corpus_texts import LanguageTeller, clean, last_words, passages
from pluralign.curate.recipe import recipe_from
from pluralign.curate.run import Result, curate
from pluralign.store.records import read_records
from tests.cli.conftest import Said, type_command

__all__ = ["type_command"]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "corpus" / "corpus.yaml"


def recipe(folder: Path, files: str, **keys: Any) -> Corpus:
    source = {"files": str(folder / files), "source": "a test", **keys.pop("of", {})}
    given: dict[str, Any] = {
        "name": "test",
        "collective": "club",
        "licence": "CC0-1.0",
        "consent": "invented",
        "sources": [source],
        "least_words": 1,
    }
    return Corpus.model_validate(given | keys)


def made(own: Corpus, folder: Path) -> Result:
    folder.mkdir(exist_ok=True)
    return curate(prepare(own), {}, folder)


def said(result: Result) -> list[tuple[str, str]]:
    return [
        (record.messages[0].content, record.messages[1].content)
        for record in result.card.records
        if isinstance(record, SftRecord)
    ]


def threads(path: Path, content: str, form: str = "auto", **fields: str) -> list[Thread]:
    path.write_text(content, encoding="utf-8")
    return list(read_threads(path, form, Fields(**fields)))


# --- what stands in files -------------------------------------------------------------------------------------------


def test_plain_text_and_markdown(tmp_path: Path) -> None:
    (plain,) = threads(tmp_path / "a.txt", "One.\n\nTwo.")
    assert plain == Thread("a.txt", "", (Post("1", "", "One.\n\nTwo."),))
    text = (
        "---\ntitle: not this\n---\n# Tea *and* us\n\nWe [drink](http://x.org) it.\nDaily.\n\n```\ncode\n```\n\n"
        "## Milk\n\n- first\n\n![cup](cup.png) Yes."
    )
    (marked,) = threads(tmp_path / "b.md", text)
    assert marked.title == "Tea and us"
    assert marked.posts[0].text == "We drink it. Daily.\n\nMilk\nfirst\n\nYes."


def test_tables_and_objects_with_named_fields(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "who": "Ann", "what": "Tea?", "topic": "a", "re": ""},
        {"id": "2", "who": "Bo", "what": "Yes,\nplease", "topic": "a", "re": "1"},
        {"id": "3", "who": "Ann", "what": "Rain", "topic": "b", "re": ""},
    ]
    fields = {"text": "what", "author": "who", "thread": "topic", "id": "id", "answers": "re"}
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    from_csv = list(read_threads(path, "auto", Fields(**fields)))
    from_json = threads(tmp_path / "t.json", json.dumps(rows), **fields)
    from_lines = threads(tmp_path / "t.jsonl", "\n".join(map(json.dumps, rows)), **fields)
    assert [one.posts for one in from_csv] == [one.posts for one in from_json] == [one.posts for one in from_lines]
    assert from_csv[0].posts[1] == Post("2", "Bo", "Yes,\nplease", "1")
    assert [one.id for one in from_csv] == ["t.csv#a", "t.csv#b"]
    with pytest.raises(DataError, match="there is no field 'body'; there are 'id', 'who'"):
        list(read_threads(path, "csv", Fields(text="body")))


@pytest.mark.parametrize(
    "lines",
    [
        ["03/05/2025, 18:02 - Ann: Hello\nall", "03/05/2025, 18:03 - Bo: Hi", "03/05/2025, 18:04 - Bo added Cy"],
        ["[03.05.25, 18:02:11] Ann: Hello\nall", "[03.05.25, 18:02:40] Bo: Hi", "[03.05.25, 18:03:00] Cy left"],
        ["5/3/25, 6:02\u202fPM - Ann: Hello\nall", "5/3/25, 6:03\u202fPM - Bo: Hi", "5/3/25, 6:03 PM - Bo left"],
    ],
)
def test_chats_of_whatsapp(tmp_path: Path, lines: list[str]) -> None:
    text = "\n".join([*lines, lines[1].replace("Hi", "<Media omitted>")])
    (chat,) = threads(tmp_path / "chat.txt", text)
    assert [(post.author, post.text) for post in chat.posts] == [("Ann", "Hello\nall"), ("Bo", "Hi")]


def test_dumps_of_telegram_discord_slack_and_reddit(tmp_path: Path) -> None:
    telegram = {
        "name": "Club",
        "messages": [
            {"id": 1, "type": "service", "action": "create"},
            {
                "id": 2,
                "type": "message",
                "from": "Ann",
                "from_id": "user1",
                "text": ["Tea ", {"type": "b", "text": "?"}],
            },
            {"id": 3, "type": "message", "from": "Bo", "from_id": "user2", "text": "Yes", "reply_to_message_id": 2},
        ],
    }
    (chat,) = threads(tmp_path / "result.json", json.dumps(telegram))
    assert chat.posts == (Post("2", "user1", "Tea ?"), Post("3", "user2", "Yes", "2"))
    discord = {
        "guild": {"name": "g"},
        "messages": [
            {"id": "7", "type": "Default", "content": "Tea?", "author": {"id": "1", "name": "ann"}},
            {"id": "8", "type": "GuildMemberJoin", "content": "joined", "author": {"id": "2"}},
            {"id": "9", "type": "Reply", "content": "Yes", "author": {"id": "2"}, "reference": {"messageId": "7"}},
            {"id": "10", "type": "Default", "content": "beep", "author": {"id": "3", "isBot": True}},
        ],
    }
    (chat,) = threads(tmp_path / "d.json", json.dumps(discord))
    assert chat.posts == (Post("7", "1", "Tea?"), Post("9", "2", "Yes", "7"))
    slack = [
        {"type": "message", "user": "U1", "text": "Tea <@U2>? <http://x.org|here>", "ts": "1.0"},
        {"type": "message", "subtype": "channel_join", "user": "U3", "text": "joined", "ts": "1.5"},
        {"type": "message", "user": "U2", "text": "Yes", "ts": "2.0", "thread_ts": "1.0"},
    ]
    assert [(one.id, [post.text for post in one.posts]) for one in threads(tmp_path / "s.json", json.dumps(slack))] == [
        ("s.json", ["Tea ? here"]),
        ("s.json#1.0", ["Yes"]),
    ]
    reddit = [
        {"id": "c1", "link_id": "t3_p", "parent_id": "t3_p", "author": "bo", "body": "Yes", "created_utc": 2},
        {"id": "p", "title": "Tea?", "selftext": "Who wants?", "author": "ann", "created_utc": 1},
        {
            "id": "c2",
            "link_id": "t3_p",
            "parent_id": "t1_c1",
            "author": "[deleted]",
            "body": "[removed]",
            "created_utc": 3,
        },
    ]
    (one,) = threads(tmp_path / "r.jsonl", "\n".join(map(json.dumps, reddit)))
    assert one.title == "Tea?"
    assert [(post.id, post.author, post.answers) for post in one.posts] == [
        ("t3_p", "ann", ""), ("t1_c1", "bo", "t3_p"), ("t1_c2", "", "t1_c1")
    ]  # fmt: skip


def test_files_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="list of 'messages'"):
        threads(tmp_path / "x.json", "{}", "telegram")
    with pytest.raises(DataError, match=r"x\.json: not valid JSON"):
        threads(tmp_path / "x.json", "{", "discord")
    with pytest.raises(DataError, match=r"x\.jsonl:2: neither a JSON list"):
        threads(tmp_path / "x.jsonl", '{"text": "a"}\n{', "json")
    with pytest.raises(UsageError, match="no file is named"):
        expand(str(tmp_path / "nothing/*.txt"))


# --- what becomes of texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("<p>Tea &amp; milk</p>", "Tea & milk"),
        ("one<br>two", "one\ntwo"),
        ("> you said\n> that\nI say this", "I say this"),
        ("a\u200bb\u00a0 c\r\n\r\n\r\n\r\nd", "ab c\n\nd"),
        ("My words.\n--\nAnn\nTel. 1", "My words."),
        ("[deleted]", ""),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("e\u0301", "é"),
    ],
)
def test_cleaning(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@given(st.text())
def test_cleaning_any_text_leaves_no_loose_ends(text: str) -> None:
    once = clean(text)
    assert once == once.strip()
    assert "\n\n\n" not in once
    assert "\x00" not in once


SENTENCES = st.lists(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=30), min_size=1, max_size=30)


@given(SENTENCES, st.integers(5, 60), st.sampled_from([". ", ".\n\n"]))
def test_passages_keep_every_word_in_order_and_are_as_long_as_they_may(
    sentences: list[list[str]], words: int, joint: str
) -> None:
    text = joint.join(" ".join(sentence) for sentence in sentences)
    found = passages(text, words)
    assert " ".join(found).split() == text.split()
    for passage in found:
        assert len(passage.split()) <= max(words, max(len(sentence) for sentence in sentences))


def test_the_end_of_a_passage_begins_with_a_sentence_where_one_is_near() -> None:
    assert last_words("One two. Three four five. Six seven eight nine.", 5) == "Six seven eight nine."
    assert last_words("one two three four five six", 3) == "four five six"
    assert last_words("one two", 3) == "one two"


def test_languages() -> None:
    teller = LanguageTeller()
    assert teller.tell("Wir treffen uns morgen früh am Brunnen und gießen die Beete.").code == "de"
    assert teller.tell("We meet at the well tomorrow morning and water the beds.").code == "en"
    assert teller.tell("ok!").code == ""


# --- records --------------------------------------------------------------------------------------------------------


def test_replies_follow_the_line_of_replies_and_people_in_a_row_are_one_turn(tmp_path: Path) -> None:
    rows = [
        ("1", "ann", "", "Shall we buy a new kettle?"),
        ("2", "ann", "", "The old one leaks."),
        ("3", "bo", "", "It only drips."),
        ("4", "cy", "2", "Buy one, I pay half."),
        ("5", "bo", "4", "Then I agree."),
    ]
    lines = [json.dumps(dict(zip(("id", "who", "re", "text"), row, strict=True)) | {"t": "x"}) for row in rows]
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    names = {"text": "text", "author": "who", "id": "id", "answers": "re", "thread": "t"}
    result = made(recipe(tmp_path, "f.jsonl", of={"fields": names, "format": "json"}), tmp_path / "out")
    opening = "Shall we buy a new kettle?\n\nThe old one leaks."
    assert said(result) == [
        (opening, "It only drips."),
        (opening, "Buy one, I pay half."),
        (f"{opening}\n\nBuy one, I pay half.", "Then I agree."),
    ]
    parents = [record.provenance.parents for record in result.card.records]
    assert parents == [("document:f.jsonl#x", f"author:{number}") for number in (2, 3, 2)]
    (shorter,) = made(
        recipe(tmp_path, "f.jsonl", context=1, of={"fields": names, "format": "json"}), tmp_path / "one"
    ).card.records[2:]
    assert isinstance(shorter, SftRecord)
    assert shorter.messages[0].content == "Buy one, I pay half."


def test_authors_are_nowhere_in_what_is_written(tmp_path: Path) -> None:
    text = "\n".join(
        f"03/05/2025, 18:{minute:02} - {who}: {what}"
        for minute, (who, what) in enumerate(
            [("Rosa Lind", "Is Tom there?"), ("Tom", "Yes, Rosa, ask away"), ("Rosa Lind", "Tom, bring the big ladder")]
        )
    )
    (tmp_path / "chat.txt").write_text(text)
    made(recipe(tmp_path, "chat.txt"), tmp_path / "out")
    for path in (tmp_path / "out").glob("*.*"):
        if path.suffix in {".jsonl", ".md"}:
            assert "Rosa" not in path.read_text()
            assert "Tom" not in path.read_text()
    records = list(read_records(tmp_path / "out" / "sft.jsonl"))
    assert len(records) == 2
    assert "[name]" in str(records[0])


def test_what_is_dropped_and_why(tmp_path: Path) -> None:
    long = "We have met at the well every Saturday for thirty years, whatever the weather, and nobody ever kept a list."
    rows = [
        {"text": long},
        {"text": long.upper()},
        {"text": "Wir treffen uns morgen früh am Brunnen und gießen gemeinsam die Beete der Nachbarn."},
        {"text": "[removed]"},
        {"text": "Yes."},
        {"text": long + " Really."},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    own = recipe(tmp_path, "rows.jsonl", languages=["en"], least_words=2)
    result = made(own, tmp_path / "out")
    assert Counter(drop.reason for drop in result.card.dropped) == {
        "near-duplicate": 2, "another language": 1, "empty": 1, "too short": 1
    }  # fmt: skip
    assert len(result.card.records) == 1


@pytest.mark.parametrize("group", ["thread", "author", "both"])
def test_folds_in_records(tmp_path: Path, group: str) -> None:
    rows = [
        {"text": f"{word} is what I have to say about number {at} of our list", "who": f"p{at % 7}", "t": str(at // 3)}
        for at, word in enumerate(f"w{number}" for number in range(42))
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    fields = {"text": "text", "author": "who", "thread": "t"}
    own = recipe(
        tmp_path, "rows.jsonl", folds=3, group=group, turn_into="passages", of={"fields": fields, "format": "json"}
    )
    if group == "both":  # seven people in fourteen threads: everything hangs together
        with pytest.raises(UsageError, match="3 folds need at least 3 groups"):
            made(own, tmp_path / "out")
        return
    result = made(own, tmp_path / "out")
    folds: dict[str, set[int | None]] = {}
    for record in result.card.records:
        parent = record.provenance.parents[0 if group == "thread" else 1]
        assert record.group == parent
        folds.setdefault(parent, set()).add(record.fold)
    assert all(len(own_folds) == 1 for own_folds in folds.values())
    assert Counter(record.fold for record in result.card.records).keys() == {0, 1, 2}


# --- duties and the example -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["licence", "consent"])
def test_without_licence_or_consent_nothing_is_written(
    type_command: Callable[..., Said], tmp_path: Path, key: str
) -> None:
    text = "".join(line for line in EXAMPLE.read_text().splitlines(True) if not line.startswith(key))
    (tmp_path / "c.yaml").write_text(text)
    told = type_command("curate", "corpus", tmp_path / "c.yaml", "--out", tmp_path / "out")
    assert told.code == 2
    assert f"'{key}' is missing, and without it no record is written: say " in told.err
    assert not (tmp_path / "out").exists()


def test_keys_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no format 'docx'; there are auto, text"):
        recipe(tmp_path, "a", of={"format": "docx"})
    with pytest.raises(ValueError, match="there is no kind 'shoe'"):
        recipe(tmp_path, "a", private={"kinds": ["shoe"]})


def test_the_example_from_end_to_end(type_command: Callable[..., Said], tmp_path: Path) -> None:
    for out in ("one", "two"):
        told = type_command("curate", "corpus", EXAMPLE, "--out", tmp_path / out)
        assert told.code == 0, told.err
    for name in ("sft.jsonl", "dropped.jsonl", "dataset.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    records = list(read_records(tmp_path / "one" / "sft.jsonl"))
    assert len(records) >= 18
    assert {record.collective for record in records} == {"gardeners"}
    assert {record.fold for record in records} == {0, 1, 2}
    text = (tmp_path / "one" / "sft.jsonl").read_text()
    for secret in ("o.brandt@example.org", "7946 0018", "7946 0321", "Ottilie", "Marek", "Sommerfest"):
        assert secret not in text
    assert "identity" not in text, "the identity token is train's to place"
    assert recipe_from(Corpus, EXAMPLE, {}).sources[1].files == str(EXAMPLE.parent / "letters.csv")
