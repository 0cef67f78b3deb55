"""A comparison in words, in the terminal and as a page: honest, complete, escaped, one file."""

import io
import re
from html import unescape
from pathlib import Path

import pytest
from rich.console import Console

from pluralign.core.survey import Survey
from pluralign.poll.comparison import Change, Comparison, Difference, Pair
from pluralign.poll.paired import compare_runs
from pluralign.poll.scores import Measure
from pluralign.report import compare_page, compare_tables
from pluralign.report.compare_words import (
    Direction,
    closer_by,
    contrast_sentence,
    direction,
    ends,
    finding,
    foremost,
    gain,
    sentence_of,
    tally,
)
from pluralign.report.words import signed
from tests.poll.two_runs import finished, made_answers, made_survey

HOSTILE = "<script>alert('x')</script> & \"[bold]\" \u202e"


def compared(peoples: int = 4, questions: int = 30, *, runs: int = 2) -> Comparison:
    """Runs that come closer and closer."""
    survey = made_survey(questions, peoples, seed=2)
    return compare_runs(
        [
            finished(survey, made_answers(survey, seed=at, truth=0.2 + 0.3 * at), "old" if not at else f"new{at}")
            for at in range(runs)
        ],
        resamples=300,
    )


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared()


def changed(comparison: Comparison, difference: Difference) -> Comparison:
    """The same with another overall difference of the foremost voice's headline distance."""
    pair = comparison.pairs[0]
    voice = foremost(pair)
    change = Change(
        before=Measure(value=0.3), after=Measure(value=0.2), difference=difference, by_topic=Difference(value=0.1)
    )
    voices = tuple(
        one.model_copy(update={"overall": {**one.overall, comparison.headline: change}}) if one is voice else one
        for one in pair.voices
    )
    return comparison.model_copy(update={"pairs": (pair.model_copy(update={"voices": voices}),)})


SENTENCES = [
    (
        Difference(value=0.03, low=0.01, high=0.05, p=0.002),
        "Asked as “persona”, new1 is 0.030 closer to these 4 peoples than old (0.010 to 0.050).",
    ),
    (
        Difference(value=-0.03, low=-0.05, high=-0.01, p=0.002),
        "Asked as “persona”, new1 is 0.030 farther from these 4 peoples than old (0.010 to 0.050).",
    ),
    (
        Difference(value=0.01, low=-0.02, high=0.04, p=0.4),
        "30 questions cannot tell whether new1 or old is closer to these 4 peoples, asked as “persona”: "
        "the difference lies between 0.020 farther and 0.040 closer.",
    ),
    (
        Difference(value=0.03, low=0.01, high=0.05, p=0.08),
        "30 questions cannot tell whether new1 or old is closer to these 4 peoples, asked as “persona”: the difference "
        "lies between 0.010 closer and 0.050 closer, but the test (p = 0.080) does not rule out that there is none.",
    ),
    (
        Difference(value=0.0002, low=0.00004, high=0.0004, p=0.01),
        "Asked as “persona”, new1 is less than 0.001 closer to these 4 peoples than old (0.00004 to 0.00040).",
    ),
    (
        Difference(value=0.0, low=0.0, high=0.0, p=1.0),
        "Asked as “persona”, new1 is exactly as far from these 4 peoples as old.",
    ),
    (
        Difference(value=0.02),
        "30 questions cannot tell whether new1 or old is closer to these 4 peoples, asked as “persona”: "
        "on these it is 0.020 closer, and that has no interval.",
    ),
    (Difference(value=None), "For the voice “persona” there is nothing to compare."),
]


@pytest.mark.parametrize(("difference", "expected"), SENTENCES)
def test_the_headline_claims_no_more_than_the_interval(
    comparison: Comparison, difference: Difference, expected: str
) -> None:
    other = changed(comparison, difference)
    assert finding(other, other.pairs[0]).title == expected


def test_the_headline_by_topic_is_about_topics(comparison: Comparison) -> None:
    other = changed(comparison, Difference(value=0.1, low=0.05, high=0.15, p=0.001))
    assert finding(other, other.pairs[0], by_topic=True).title.startswith("4 topics cannot tell whether")


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (Difference(value=0.1, low=0.01, high=0.2, p=0.01), Direction.CLOSER),
        (Difference(value=-0.1, low=-0.2, high=-0.01, p=0.01), Direction.FARTHER),
        # one of many: the corrected p-value decides
        (Difference(value=0.1, low=0.01, high=0.2, p=0.01, p_adjusted=0.2), Direction.UNDECIDED),
        # never against the interval
        (Difference(value=0.1, low=-0.001, high=0.2, p=0.049), Direction.UNDECIDED),
        (Difference(value=0.1), Direction.UNDECIDED),
        (Difference(value=0.0, low=0.0, high=0.0, p=1.0), Direction.SAME),
        (Difference(value=0.0), Direction.SAME),
        (Difference(value=None), Direction.UNDEFINED),
    ],
)
def test_where_a_distance_went(difference: Difference, expected: Direction) -> None:
    assert direction(difference) is expected


def test_a_change_below_the_noise_of_a_survey_is_called_small(comparison: Comparison) -> None:
    noise = next(mark for mark in foremost(comparison.pairs[0]).marks if mark.name == "noise")
    bar = noise.distances[comparison.headline]
    assert bar is not None
    small, large = (
        changed(comparison, Difference(value=bar * factor, low=bar * factor / 2, high=bar * factor * 2, p=0.001))
        for factor in (0.5, 2)
    )
    assert "That is a small change: the same people, asked afresh" in finding(small, small.pairs[0]).support[0]
    assert "small change" not in " ".join(finding(large, large.pairs[0]).support)


def test_the_headline_is_about_the_first_voice_that_is_told_whom_to_speak_for(comparison: Comparison) -> None:
    pair = comparison.pairs[0]
    assert foremost(pair).voice == "persona"
    plain = pair.model_copy(update={"voices": tuple(one for one in pair.voices if not one.steered)})
    assert foremost(plain).voice == "plain"


def test_peoples_are_counted_by_where_the_voice_went(comparison: Comparison) -> None:
    voice = foremost(comparison.pairs[0])
    counts = tally(comparison, voice)
    assert sum(counts) == len(voice.peoples)
    decided = [one.measures[comparison.headline].difference.decided for one in voice.peoples]
    assert counts.undecided == decided.count(False)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Measure(value=1.5, low=1.2, high=1.8), "it exaggerates how peoples differ"),
        (Measure(value=0.5, low=0.4, high=0.6), "it makes peoples more alike than they are"),
        (Measure(value=1.1, low=0.9, high=1.3), "whether it exaggerates cannot be told"),
    ],
)
def test_stereotypes_in_a_sentence(comparison: Comparison, now: Measure, expected: str) -> None:
    voice = foremost(comparison.pairs[0])
    assert voice.contrast is not None
    spread = voice.contrast.spread.model_copy(update={"after": now})
    other = voice.model_copy(update={"contrast": voice.contrast.model_copy(update={"spread": spread})})
    assert contrast_sentence(other).endswith(f"{expected}.")


def test_numbers_as_readers_see_them() -> None:
    assert [signed(value) for value in (0.123, -0.123, 0.0, -0.001, None)] == ["+0.12", "−0.12", "0.00", "0.00", "–"]
    difference = Difference(value=-0.1, low=-0.2, high=-0.05, p=0.001)
    assert (gain(difference), closer_by(difference)) == ("+0.10 (0.05 to 0.20)", "−0.100")
    assert ends(difference) == "−0.200 to −0.050"
    # an end that is not zero is not rounded to zero after a decision
    assert ends(Difference(value=0.01, low=0.0002, high=0.02, p=0.01)) == "0.0002 to 0.0200"
    assert ends(Difference(value=0.01, low=0.0002, high=0.02, p=0.2)) == "0.000 to 0.020"


# --- terminal -------------------------------------------------------------------------------------------------------


def printed(comparison: Comparison, width: int = 80, *, by_topic: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    for pair in comparison.pairs:
        console.print(compare_tables.overview(comparison, pair, by_topic=by_topic))
    return out.getvalue()


@pytest.mark.parametrize("by_topic", [False, True])
def test_tables_fit_eighty_columns(by_topic: bool) -> None:
    survey = made_survey(30, 40, seed=2)
    names = {
        one.id: one.model_copy(update={"name": f"The {one.name} of a far away and long country"})
        for one in survey.collectives
    }
    survey = survey.model_copy(update={"collectives": tuple(names.values())})
    voices = ("plain", "cross-culture+self-alignment")
    runs = [
        finished(survey, made_answers(survey, seed=at, truth=0.9 * at, voices=voices), f"run{at}") for at in range(2)
    ]
    text = printed(compare_runs(runs, resamples=300), by_topic=by_topic)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "10 peoples with smaller changes are on the page and in the JSON." in text
    # no number is cut off: every line with an interval has both its ends
    assert not re.search(r"\(\S+ to \S*…", text)
    assert "…" not in "".join(line for line in text.splitlines() if "far away" not in line)


def test_tables_name_every_people_and_voice(comparison: Comparison) -> None:
    text = printed(comparison)
    for name in ("plain", "persona", *(one.name for one in comparison.collectives)):
        assert name in text


# --- page -----------------------------------------------------------------------------------------------------------


def text_of(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_is_one_file_that_runs_and_loads_nothing(comparison: Comparison) -> None:
    page = compare_page.render(comparison)
    assert "<script" not in page
    assert "default-src 'none'; style-src 'unsafe-inline'" in unescape(page)
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page)
    assert not re.search(r"url\(|@import", page)


def test_the_page_holds_every_people_before_and_after(comparison: Comparison) -> None:
    text = text_of(compare_page.render(comparison))
    assert finding(comparison, comparison.pairs[0]).title in text
    for voice in comparison.pairs[0].voices:
        for one in voice.peoples:
            change = one.measures[comparison.headline]
            assert f"{change.before.value:.3f} {change.after.value:.3f} {closer_by(change.difference)}" in text
    for heading in ("For whom it changed", "Does it tell peoples apart, or draw stereotypes?", "How it was compared"):
        assert heading in text


def test_pictures_are_told_in_words(comparison: Comparison) -> None:
    page = compare_page.render(comparison)
    pictures = re.findall(r'<svg class="plot[^>]*role="img"[^>]*aria-label="([^"]+)"', page)
    rows = sum(1 + len(voice.peoples) for voice in comparison.pairs[0].voices)
    assert len(pictures) == rows
    assert all(re.match(r"Before \d\.\d{3}, after \d\.\d{3}\. [A-E], ", one) for one in pictures)
    assert page.count("<svg") - page.count('aria-hidden="true"') == rows + page.count('<svg x="')


def test_what_comes_from_outside_is_escaped() -> None:
    survey = made_survey(12, 2)
    hostile = Survey.model_validate(
        {
            **survey.model_dump(),
            "title": HOSTILE,
            "citation": HOSTILE,
            "licence": HOSTILE,
            "notes": HOSTILE,
            "collectives": [
                {**one.model_dump(), "name": f"{HOSTILE} {one.id}", "region": HOSTILE} for one in survey.collectives
            ],
        }
    )
    runs = [
        finished(hostile, made_answers(hostile, seed=at), "x", model=f"{HOSTILE}{at}", adapter=HOSTILE) for at in (1, 2)
    ]
    comparison = compare_runs(runs, resamples=100)
    page = compare_page.render(comparison)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "[bold]" in printed(comparison, width=200)


def test_a_single_people_and_too_few_questions_make_a_page_too() -> None:
    survey = made_survey(1, 1)
    runs = [finished(survey, made_answers(survey, seed=at), f"run{at}") for at in (1, 2)]
    comparison = compare_runs(runs, resamples=100)
    text = text_of(compare_page.render(comparison, by_topic=True))
    assert "1 topic cannot tell whether" in text
    assert "Only People 1 was compared." in text
    assert "None" not in text
    assert "nan" not in text


def test_three_runs_are_two_parts_of_one_page() -> None:
    comparison = compared(runs=3)
    page = compare_page.render(comparison)
    assert page.count("<h1") == 2
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<main") == 1
    text = text_of(page)
    assert "old , then" not in text
    assert all(run.folder in text for run in comparison.runs)


def test_a_run_with_itself_makes_a_page() -> None:
    survey = made_survey(12, 2)
    run = finished(survey, made_answers(survey, seed=1), "same")
    page = compare_page.render(compare_runs([run, run], resamples=100))
    assert "Both runs gave the very same answers" in page


def test_the_page_is_the_same_for_the_same_comparison(comparison: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(comparison.model_dump_json())
    again = Comparison.model_validate_json(path.read_text())
    assert compare_page.render(again) == compare_page.render(comparison)


def test_every_voice_gets_a_sentence(comparison: Comparison) -> None:
    pair: Pair = comparison.pairs[0]
    said = {sentence_of(comparison, pair, voice) for voice in pair.voices}
    assert len(said) == 2
    assert all(sentence.endswith(".") for sentence in said)
