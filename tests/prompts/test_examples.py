"""chrF++ against sacrebleu, the choice of examples and of neighbours, and that neither leaks by default."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import UnknownNameError
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.prompts.examples import (
    choose_examples,
    choose_neighbours,
    chrf,
    held_out,
    rank_examples,
    rank_questions,
)
from pluralign.surveys import load
from pluralign.surveys.wvs import EXCLUDED, ranking_texts

TEXTS = st.lists(st.text(alphabet="abcä .,?!(-'", max_size=12), min_size=1, max_size=4)


def sacrebleu_score(hypothesis: str, reference: str) -> float:
    from sacrebleu.metrics import CHRF

    return float(CHRF(word_order=2).sentence_score(hypothesis, [reference]).score)


@given(TEXTS, TEXTS)
@settings(deadline=None, max_examples=150)
def test_chrf_equals_sacrebleu_to_the_last_bit(hypotheses: list[str], references: list[str]) -> None:
    scores = chrf(hypotheses, references)
    for row, hypothesis in zip(scores, hypotheses, strict=True):
        for score, reference in zip(row, references, strict=True):
            assert score == sacrebleu_score(hypothesis, reference)


def test_chrf_weighs_the_two_sides_differently() -> None:
    scores = chrf(["How important is family?"], ["How important is family?", "family", ""])
    assert scores[0, 0] == pytest.approx(100)
    assert scores[0, 1] == sacrebleu_score("How important is family?", "family")
    assert scores[0, 1] != chrf(["family"], ["How important is family?"])[0, 0]
    assert scores[0, 2] == 0


# --- a small survey: two topics, three populations, one gap ---------------------------------------------------------


def small_survey() -> Survey:
    wordings = {
        ("q1", "Home"): "How important is family in life?",
        ("q2", "Home"): "How important are friends in life?",
        ("q3", "State"): "How important is order in the state?",
        ("q4", "State"): "How important is family policy?",
        ("q5", ""): "Do you vote?",
        ("q6", ""): "Do you vote often?",
    }
    questions = tuple(
        Question(
            id=key,
            text=text,
            options=(Option(id=1, text="Yes"), Option(id=2, text="No")),
            scale=Scale.NOMINAL,
            topic=topic,
        )
        for (key, topic), text in wordings.items()
    )
    share = Distribution(probabilities=(0.7, 0.3), obtained=Obtained.PEOPLE, n=100)
    everything = {question.id: share for question in questions}
    gap = {key: value for key, value in everything.items() if key != "q4"}
    return Survey(
        name="small",
        questions=questions,
        collectives=(Collective(id="A", name="Aland"), Collective(id="B", name="Bland")),
        references={"A": everything, "B": gap},
    )


def test_examples_come_from_other_topics_and_were_answered() -> None:
    survey = small_survey()
    ranking = {"q1": ("q2", "q4", "q3", "q6", "q5"), "q5": ("q6", "q1")}
    assert choose_examples(survey, ranking, "A", "q1") == ("q4", "q3", "q6", "q5")
    assert choose_examples(survey, ranking, "B", "q1") == ("q3", "q6", "q5")
    assert choose_examples(survey, ranking, "A", "q1", published=True) == ("q2", "q4", "q3", "q6", "q5")
    assert choose_examples(survey, ranking, "Aland", "q1", count=1) == ("q4",)
    # Without a topic a question is a topic of its own.
    assert choose_examples(survey, ranking, "A", "q5") == ("q6", "q1")
    with pytest.raises(UnknownNameError):
        choose_examples(survey, ranking, "A", "q9")


def test_held_out_is_the_topic_or_the_question_itself() -> None:
    survey = small_survey()
    assert held_out(survey, "q1") == {"q1", "q2"}
    assert held_out(survey, "q5") == {"q5"}


def test_a_ranking_never_holds_the_question_itself_and_keeps_ties_in_order() -> None:
    ranking = rank_examples({"a": "same", "x": "zzz"}, {"a": "same", "b": "same", "c": "same", "d": "other"})
    assert ranking["a"][:2] == ("b", "c")
    assert ranking["x"][:3] == ("a", "b", "c")
    small = rank_questions(small_survey())
    assert all(sorted([*row, target]) == ["q1", "q2", "q3", "q4", "q5", "q6"] for target, row in small.items())


def test_neighbours_are_the_ends_of_a_stable_order() -> None:
    similarity = {"A": 0.7, "B": 0.5, "C": 0.7, "D": 0.5, "E": 0.6, "F": 0.5, "G": 0.9}
    assert choose_neighbours(similarity) == (("G", "C", "A"), ("B", "D", "F"))
    assert choose_neighbours({"A": 0.1, "B": 0.2, "C": 0.3}) == (("C",), ("A",))
    assert choose_neighbours({}) == ((), ())


# --- the published files --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def survey(shared_data: Path) -> Survey:
    return load(f"wvs7:{shared_data / 'wvs7'}")


@pytest.fixture(scope="module")
def ranking(shared_data: Path) -> dict[str, tuple[str, ...]]:
    texts = ranking_texts(shared_data / "wvs7")
    return rank_examples(texts, {key: text for key, text in texts.items() if key not in EXCLUDED})


def test_the_ranking_reproduces_all_published_positions(
    shared_data: Path, ranking: Mapping[str, Sequence[str]]
) -> None:
    published = json.loads((shared_data / "wvs7" / "self_alignment_examples.json").read_text())
    assert ranking.keys() == published.keys()
    agree = sum(one == two for key in published for one, two in zip(ranking[key], published[key], strict=True))
    assert agree == 75_110


def test_the_ranking_equals_sacrebleu_on_real_questions(shared_data: Path) -> None:
    texts = list(ranking_texts(shared_data / "wvs7").values())
    scores = chrf(texts, texts)
    generator = np.random.default_rng(0)
    for one, two in generator.integers(0, len(texts), size=(300, 2)):
        assert scores[one, two] == sacrebleu_score(texts[one], texts[two])


SAME = "23053ea95d1d11a4"
GAP = "73d765ee92c44155"
CHECKSUMS = {
    "USA": "20a1ded340d84215",
    "CHN": "3b3191080f4a1b00",
    "GBR": "590a28c41924f566",
    "AUS": "e7f7006f78fdef57",
    **dict.fromkeys(("BOL", "DEU", "RUS", "THA"), GAP),
    **dict.fromkeys(("CAN", "BRA", "NLD", "UKR", "IND", "KEN", "NGA", "ETH", "ZWE", "NZL"), SAME),
}


@pytest.mark.parametrize("country", CHECKSUMS)
def test_published_examples(survey: Survey, ranking: Mapping[str, Sequence[str]], country: str) -> None:
    lines = [
        f"{question.id}:" + ",".join(choose_examples(survey, ranking, country, question.id, published=True))
        for question in survey.questions
    ]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == CHECKSUMS[country]


def test_gaps_change_89_lists_of_published_examples(survey: Survey, ranking: Mapping[str, Sequence[str]]) -> None:
    changed = sum(
        choose_examples(survey, ranking, country.id, question.id, published=True) != tuple(ranking[question.id][:5])
        for country in survey.collectives
        for question in survey.questions
    )
    assert changed == 89


@pytest.mark.parametrize(
    ("country", "question_id", "examples", "codes"),
    [
        ("CHN", "Q224", "Q253 Q257 Q237 Q172 Q238", None),
        ("USA", "Q224", "Q227 Q230 Q229 Q226 Q232", [3, 2, 2, 2, 2]),
        ("USA", "Q94", "Q102 Q97 Q105 Q99 Q104", [0, 0, 0, 0, 0]),
        ("USA", "Q241", "Q248 Q249 Q247 Q244 Q245", [5, 10, 1, 5, 1]),
    ],
)
def test_published_examples_in_full(
    survey: Survey,
    ranking: Mapping[str, Sequence[str]],
    country: str,
    question_id: str,
    examples: str,
    codes: list[int] | None,
) -> None:
    chosen = choose_examples(survey, ranking, country, question_id, published=True)
    assert " ".join(chosen) == examples
    if codes is not None:
        modes = [survey.references[country][example].mode for example in chosen]
        shown = [survey.question(example).options[at].id for example, at in zip(chosen, modes, strict=True)]
        assert shown == codes


def test_published_messages_differ_in_2649_ways(survey: Survey, ranking: Mapping[str, Sequence[str]]) -> None:
    """A message is its question, its examples and the answers shown with them."""
    messages = {
        (
            question.id,
            tuple(
                (example, survey.references[country.id][example].mode)
                for example in choose_examples(survey, ranking, country.id, question.id, published=True)
            ),
        )
        for country in survey.collectives
        for question in survey.questions
    }
    assert len(messages) == 2649


def test_by_default_no_example_is_of_the_measured_topic(survey: Survey, ranking: Mapping[str, Sequence[str]]) -> None:
    for country in survey.collectives:
        for question in survey.questions:
            chosen = choose_examples(survey, ranking, country.id, question.id)
            assert len(chosen) == 5
            assert all(survey.question(example).topic != question.topic for example in chosen)
            assert not held_out(survey, question.id) & set(chosen)
