"""The Cultural Alignment Score by hand; real data stand in tests/golden."""

import math

import numpy as np
import pytest

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.metrics.cultural_alignment import alignment_terms, cultural_alignment, similarities
from pluralign.metrics.scales import Scales


def question(key: str, options: int, scale: Scale = Scale.ORDINAL, first: int = 1) -> Question:
    listed = tuple(Option(id=first + at, text=f"option {at}") for at in range(options))
    return Question(id=key, text=f"{key}?", options=listed, scale=scale)


def mode(at: int, options: int) -> Distribution:
    shares = [0.1] * options
    shares[at] = 1.0
    return Distribution.from_weights(shares, Obtained.PEOPLE, n=100)


QUESTIONS = (
    question("two", 2),
    question("eleven", 11, Scale.INTERVAL, first=0),
    question("words", 4, Scale.NOMINAL),
    question("unknown", 4),
)
PEOPLE = {"two": mode(0, 2), "eleven": mode(10, 11), "words": mode(2, 4)}


def test_published_pools_raw_numbers() -> None:
    score = cultural_alignment(QUESTIONS, {"two": 2, "eleven": 7, "words": 1, "unknown": 1}, PEOPLE, published=True)
    # Differences 1, 3, 2 over greatest differences 1, 10, 3.
    assert score.score == pytest.approx(1 - math.sqrt(1 + 9 + 4) / math.sqrt(1 + 100 + 9))
    assert (score.used, score.invalid, score.no_reference, score.unasked) == (3, 0, 1, 0)


def test_default_gives_every_question_the_same_weight_and_words_no_order() -> None:
    score = cultural_alignment(QUESTIONS, {"two": 2, "eleven": 7, "words": 1}, PEOPLE)
    assert score.score == pytest.approx(1 - math.sqrt((1 + 0.3**2 + 1) / 3))
    assert (score.used, score.invalid, score.no_reference, score.unasked) == (3, 0, 0, 1)


def test_codes_a_question_does_not_have() -> None:
    answers = {"two": 5, "eleven": 10}
    assert cultural_alignment(QUESTIONS, answers, PEOPLE)[:3] == (1.0, 1, 1)
    published = cultural_alignment(QUESTIONS, answers, PEOPLE, published=True)
    # The original computes with whatever number it read: (5 - 1)^2.
    assert published.score == pytest.approx(1 - math.sqrt(16) / math.sqrt(1 + 100))


def test_unreadable_answers_bound_the_score() -> None:
    score = cultural_alignment(QUESTIONS, {"two": 1, "eleven": None, "words": None, "unknown": None}, PEOPLE)
    assert (score.used, score.invalid, score.no_reference) == (1, 3, 0)
    assert score.score == 1
    # Farthest: 0 instead of 10, and any other word. Nearest: the people's own.
    assert score.lowest == pytest.approx(1 - math.sqrt((0 + 1 + 1) / 3))
    assert score.highest == 1


def test_nothing_to_score_is_undefined() -> None:
    assert cultural_alignment(QUESTIONS, {}, PEOPLE) == (None, 0, 0, 0, 4, None, None)
    assert cultural_alignment(QUESTIONS, {"unknown": 1}, PEOPLE)[:4] == (None, 0, 0, 1)


@pytest.mark.parametrize("published", [True, False])
def test_arrays_agree_with_single_answers(published: bool) -> None:
    questions = QUESTIONS[:3]
    generator = np.random.default_rng(3)
    voice = generator.integers(0, [2, 11, 4], size=(20, 3))
    gold = np.array([0, 10, 2])
    scores = alignment_terms(Scales.of(questions), voice, gold, published=published).score()
    for answers, score in zip(voice, scores, strict=True):
        codes = {one.id: one.options[at].id for one, at in zip(questions, answers, strict=True)}
        assert cultural_alignment(questions, codes, PEOPLE, published=published).score == pytest.approx(score)


def test_terms_leave_out_what_was_not_answered() -> None:
    terms = alignment_terms(Scales.of(QUESTIONS[:3]), np.array([-1, 10, 0]), np.array([0, 10, 2]), published=True)
    assert terms.losses.tolist() == [0, 0, 4]
    assert terms.weights.tolist() == [0, 100, 9]
    assert terms.score(np.array([[5.0, 1.0, 0.0], [5.0, 0.0, 0.0]]))[0] == 1
    assert np.isnan(terms.score(np.array([5.0, 0.0, 0.0])))


def survey() -> Survey:
    return Survey(
        name="small",
        questions=QUESTIONS,
        collectives=tuple(Collective(id=key, name=key) for key in "ABCD"),
        references={
            "A": {"two": mode(0, 2), "eleven": mode(10, 11)},
            "B": {"two": mode(0, 2), "eleven": mode(5, 11), "words": mode(0, 4)},
            "C": {"two": mode(1, 2), "words": mode(1, 4)},
            "D": {"unknown": mode(0, 4)},
        },
    )


def test_similarities_are_over_shared_questions_and_symmetric() -> None:
    table = similarities(survey())
    assert table["A"]["B"] == pytest.approx(1 - math.sqrt((0 + 0.5**2) / 2))
    assert table["A"]["C"] == 0  # "two" alone, end to end
    assert table["B"]["C"] == pytest.approx(0)  # end to end, and another word
    assert all(table[one][two] == table[two][one] for one in table for two in table[one])
    # D shares no question with anybody.
    assert table["D"] == {}
    assert list(table["A"]) == ["B", "C"]


def test_similarities_without_the_measured_questions() -> None:
    assert similarities(survey(), without={"eleven"})["A"] == {"B": 1, "C": 0}
    assert similarities(survey(), without={"two"})["A"] == {"B": 0.5}


def test_published_similarities_are_rounded_raw_numbers() -> None:
    raw = 1 - math.sqrt(25) / math.sqrt(1 + 100)
    assert similarities(survey(), published=True)["A"]["B"] == round(100 * raw, 1) / 100
