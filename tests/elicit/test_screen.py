"""What holds a text back: persons, the organisers' words, and what is no language; in any script."""

import pytest

from pluralign.elicit.screen import Finding, screen


@pytest.mark.parametrize(
    "text",
    ["", "People who fall silent", "Ich höre zu: immer.", "من يصمت حين يتكلم الآخرون", "Why? (So.)", "Aaah!"],
)
def test_ordinary_words_pass(text: str) -> None:
    assert screen([text], ["idiot", ""]) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Ask rosa@example.org", "personal"),
        ("See https://example.org/rosa", "personal"),
        ("aaaaaaaaaaaa", "no_language"),
        ("1 2 3 4 !!! ???", "no_language"),
    ],
)
def test_what_is_held_back(text: str, kind: str) -> None:
    assert [each.kind for each in screen(["People who stay", text])] == [kind]


def test_the_organisers_words_are_met_whole_or_from_their_beginning() -> None:
    assert screen(["An IDIOT, they said"], ["idiot"]) == [Finding("word", "idiot")]
    assert screen(["Idiotic things"], ["idiot"]) == []
    assert screen(["Idiotic things"], ["idiot*"]) == [Finding("word", "idiot*")]
    assert screen(["هذا غبي حقا"], ["غبي"]) == [Finding("word", "غبي")]
    assert screen(["c++ is a.b"], ["a.b", "axb"]) == [Finding("word", "a.b")], "words are no patterns"
    assert screen(["*"], ["*", " "]) == [Finding("no_language")]
