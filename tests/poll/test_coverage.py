"""Overton coverage by hand: who is covered, weighted by people, and what is left out is counted."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from pluralign.core.errors import DataError, ModelError, UsageError
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.poll.coverage import (
    Judge,
    Situation,
    Situations,
    View,
    entailment_judge,
    measure_coverage,
    model_judge,
    rating_of,
    read_situations,
    sentences,
)

# The unit test of OvertonBench: clusters of 49, 3 and 8 people.
CLUSTERS = (View(text="one", size=49), View(text="two", size=3), View(text="three", size=8))
CASE = Situations(
    name="case", source="by hand", licence="CC0", situations=(Situation(id="s", text="Why?", views=CLUSTERS),)
)


def fixed(*ratings: float | None) -> Judge:
    return Judge("fixed", "rating", 4.0, lambda asked: [ratings for _ in asked])


@pytest.mark.parametrize(
    ("ratings", "share", "weighted"),
    [((4.0, 3.9, 1.0), 1 / 3, 49 / 60), ((1.0, 4.5, 3.0), 1 / 3, 3 / 60), ((5.0, 5.0, 5.0), 1.0, 1.0)],
)
def test_the_unit_test_of_overtonbench(ratings: tuple[float, ...], share: float, weighted: float) -> None:
    found = measure_coverage(CASE, {"voice": {"s": "a reply"}}, fixed(*ratings)).voices[0]
    assert found.share.value == pytest.approx(share)
    assert found.weighted.value == pytest.approx(weighted)
    assert found.words == 2


def test_a_view_the_judge_could_not_rate_is_left_out_and_counted() -> None:
    found = measure_coverage(CASE, {"voice": {"s": "a reply"}}, fixed(5.0, None, 1.0)).voices[0]
    assert found.share.value == pytest.approx(1 / 2)
    assert found.weighted.value == pytest.approx(49 / 57)
    assert found.unrated == 1
    silent = measure_coverage(CASE, {"voice": {"s": "a reply"}}, fixed(None, None, None)).voices[0]
    assert (silent.share.value, silent.above, silent.unrated) == (None, None, 3)


def test_a_voice_that_never_replied_is_an_error() -> None:
    with pytest.raises(UsageError, match="replied to none"):
        measure_coverage(CASE, {"voice": {}}, fixed(1.0, 1.0, 1.0))


def same_words(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Entailment of a simple mind: the share of the hypothesis' words that stand in the premise."""
    return [len(set(b.lower().split()) & set(a.lower().split())) / len(set(b.lower().split())) for a, b in pairs]


def test_a_reply_is_rated_by_its_best_sentence_in_both_directions() -> None:
    views = (View(text="taxes are too high"), View(text="schools need money"))
    case = Situation(id="t", text="Taxes?", views=views)
    reply = "Some say taxes are too high ! Others disagree ."
    ours = entailment_judge("words", same_words).rate([(case, reply), (case, "")])
    assert ours == [(1.0, 0.0), (0.0, 0.0)]
    theirs = entailment_judge("words", same_words, published=True).rate([(case, reply)])
    assert theirs[0][0] == pytest.approx(4 / 7)  # of "Some say taxes are too high !" four words of seven


def test_a_judge_rates_by_its_probabilities() -> None:
    asked: list[str] = []

    def score(request: ScoreRequest) -> list[float]:
        asked.append(request.messages[-1].content)
        shares = [0.0, 0.0, 0.0, 0.4, 0.4] if "view: one" in asked[-1] else [0.1, 0.1, 0.1, 0.05, 0.05]
        return [math.log(share) if share else -math.inf for share in shares]

    found = measure_coverage(CASE, {"voice": {"s": "My\n reply."}}, model_judge(ScriptedEngine(score, name="judge")))
    first, *others = found.voices[0].situations[0].ratings
    assert first == pytest.approx(4.5)
    assert others == [None, None]
    assert '"My reply."' in asked[0]
    assert found.judge == "judge"
    with pytest.raises(ModelError, match="cannot judge"):
        model_judge(ScriptedEngine(speaker=lambda _: "5"))


def test_a_rating_is_the_mean_of_the_ratings() -> None:
    def scores(*shares: float) -> OptionScores:
        logs = tuple(math.log(share) if share else -math.inf for share in shares)
        return OptionScores(logs, tuple((log,) for log in logs), 1)

    assert rating_of(scores(0.5, 0, 0, 0, 0.5)) == pytest.approx(3.0)
    assert rating_of(scores(0.1, 0, 0, 0, 0.3)) is None


def test_sentences_are_split_and_empty_ones_left_out() -> None:
    assert sentences("One. Two! … \n\nThree") == ["One.", "Two!", "Three"]


def test_a_file_that_is_wrong_is_said_where(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    good = "name: n\nsource: s\nlicence: CC0\nsituations:\n- id: a\n  text: Why?\n  views:\n  - {text: one, size: 3}\n"
    path.write_text(good)
    assert read_situations(path).situations[0].views[0].size == 3
    path.write_text(good.replace("size: 3", "size: 0"))
    with pytest.raises(DataError, match=r"cases\.yaml:8: situations\[0\]\.views\[0\]\.size"):
        read_situations(path)
    path.write_text(good + "- id: a\n  text: Who?\n  views: [{text: x}]\n")
    with pytest.raises(DataError, match="two situations have the id 'a'"):
        read_situations(path)
