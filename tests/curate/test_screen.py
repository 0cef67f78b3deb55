"""Leaks are found whatever their dress, standing phrases are no leaks, and repeats go."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pluralign.core.chat import Message
from pluralign.core.errors import UnknownNameError
from pluralign.core.question import Option, Question, Scale
from pluralign.core.records import PreferenceRecord, Provenance, SftRecord
from pluralign.core.survey import Survey
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.recipe import Screening
from pluralign.curate.screen import measured_surveys, screen, texts_of
from pluralign.curate.similar import near_duplicates, triples, words
from pluralign.surveys import load

MADE = Provenance(recipe="test", parents=("principle:1",))
NOTHING = LeakScreen((), 0.8)


def survey(*texts: str) -> Survey:
    options = (Option(id=1, text="Yes"), Option(id=2, text="No"))
    return Survey(
        name="ours",
        questions=tuple(
            Question(id=f"Q{at}", text=text, options=options, scale=Scale.NOMINAL)
            for at, text in enumerate(texts, start=1)
        ),
    )


def sft(asked: str, said: str, collective: str = "club") -> SftRecord:
    return SftRecord(
        collective=collective,
        messages=(Message("user", asked), Message("assistant", said)),
        source="a test",
        licence="CC0",
        provenance=MADE,
    )


BATTERY = survey(
    "How much confidence do you have in each of these organisations: the police?",
    "How much confidence do you have in each of these organisations: the courts of law?",
    "How much confidence do you have in each of these organisations: the churches?",
    "Do you believe in God?",
    "Family",
)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Well: DO YOU BELIEVE — in God?! I do.", "Q4"),
        ("I was asked how much confidence do you have in each of these organisations, the churches.", "Q3"),
        ("how much confidence do you have in each of these organisations: the police", "Q1"),
        ("How much confidence do you have in each of these organisations: the village elders?", None),
        ("Do you believe in fairies?", None),
        ("Family matters.", None),
    ],
)
def test_a_question_is_found_by_its_own_words_and_not_by_its_battery(text: str, question: str | None) -> None:
    found = LeakScreen([BATTERY], 0.8).find(["Hello.", text])
    assert (found.question if found else None) == question


def test_questions_too_short_to_be_found_are_named() -> None:
    leaks = LeakScreen([BATTERY], 0.8)
    assert leaks.questions == {"ours": 4}
    assert leaks.too_short == {"ours": ("Q5",)}


def test_every_question_of_a_survey_is_found_in_a_record_that_quotes_it() -> None:
    mini = load("world-mini")
    leaks = LeakScreen([mini], 0.8)
    for question in mini.questions:
        found = leaks.find([f"Here is what I wonder. {question.text.upper()} Tell me!"])
        assert found is not None, question.id
        assert found.share == pytest.approx(1)
    assert leaks.find(["My uncle asks me for advice on his shop, his family and the police."]) is None


def test_part_of_a_survey_can_be_screened_for() -> None:
    (part,) = measured_surveys(
        Screening.model_validate({"surveys": [{"survey": "world-mini", "questions": {"ids": ["divorce"]}}]})
    )
    assert [question.id for question in part.questions] == ["divorce"]
    with pytest.raises(UnknownNameError, match="world-mini"):
        measured_surveys(Screening(surveys=("world-mimi",)))


def test_what_leaks_or_repeats_goes_with_its_reason() -> None:
    long = "The river runs past the market and the school, and every winter it freezes for some weeks until spring"
    records = [
        sft("What is near?", long),
        sft("What is near?", long),
        sft("What is near?", long, "others"),
        sft("What is near?", long + " comes."),
        sft("So, do you believe in God?", "I do."),
        sft("Something else?", "Yes, something else entirely."),
    ]
    kept, dropped = screen(records, LeakScreen([BATTERY], 0.8), 0.8)
    assert kept == (records[0], records[2], records[5])
    assert [(drop.reason, drop.parents) for drop in dropped] == [
        ("repeated", ("principle:1",)),
        ("leak", ("principle:1",)),
        ("near-duplicate", ("principle:1",)),
    ]
    assert dropped[1].detail == "100% of question Q4 of ours"
    assert records[0].id in dropped[2].detail
    assert len(screen(records, NOTHING, None).records) == 5, "near-duplicates may be kept"


def test_both_replies_of_a_pair_are_looked_at() -> None:
    pair = PreferenceRecord(
        prompt=(Message("user", "Well?"),),
        chosen="No.",
        rejected="Do you believe in God?",
        source="a test",
        licence="CC0",
        provenance=MADE,
    )
    assert texts_of(pair) == ("Well?", "No.", "Do you believe in God?")
    assert screen([pair], LeakScreen([BATTERY], 0.8), None).records == ()


def test_words_of_scripts_without_spaces_are_their_characters() -> None:
    assert words("你信神嗎？Yes") == ["你", "信", "神", "嗎", "yes"]
    assert words("Ｆｕｌｌ\u200bwidth") == words("Full\u200bwidth")


def similarity(one: str, other: str) -> float:
    mine, theirs = triples(words(one)), triples(words(other))
    return len(mine & theirs) / len(mine | theirs)


@given(
    texts=some.lists(
        some.lists(some.sampled_from(["a", "b", "c"]), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=12
    ),
    threshold=some.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_near_duplicates_are_near_and_equal_texts_are_found(texts: list[str], threshold: float) -> None:
    twins = {twin.position: twin for twin in near_duplicates([("", text) for text in texts], threshold)}
    for twin in twins.values():
        assert twin.of < twin.position
        assert twin.of not in twins, "compared with texts that stay"
        assert twin.similarity == pytest.approx(similarity(texts[twin.position], texts[twin.of]))
        assert twin.similarity >= threshold
    stay = [text for at, text in enumerate(texts) if at not in twins]
    assert len({frozenset(triples(words(text))) for text in stay}) == len(stay)


def test_most_near_duplicates_are_found() -> None:
    base = [f"word{at}" for at in range(60)]
    texts = []
    for copy in range(200):
        own = [f"{word}x{copy // 2}" for word in base]
        texts.append(" ".join(own if copy % 2 == 0 else [*own[:-2], "other", "end"]))
    found = list(near_duplicates([("", text) for text in texts], 0.8))
    # 58 triples each, of which 56 are shared: 56 / 60 = 0.93.
    assert len(found) >= 95
    assert all(twin.of == twin.position - 1 for twin in found)
