"""Resampling: the same numbers as rows repeated and counted again, and what cannot but be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.core.moral_graph import Thresholds
from pluralign.graph.aggregate import DEFAULT_THRESHOLDS, aggregate, entropy, likelihood, passes
from pluralign.graph.bootstrap import (
    ConvergencePoint,
    bootstrap,
    convergence,
    further_judgements,
    jaccard,
    places,
    resample,
    winners,
)
from pluralign.graph.judgements import JudgementTable
from tests.graph.handmade import N, Row, U, W, table, votes

RULE = Thresholds(min_wiser=1, min_likelihood=0.2)


def repeated(judged: JudgementTable, times: list[int]) -> JudgementTable:
    """Every judgement as often as its participant was drawn."""
    return judged.where(np.repeat(np.arange(len(judged)), [times[person] for person in judged.participant]))


rows = st.lists(
    st.tuples(
        st.sampled_from("pqrst"),
        st.sampled_from("abc"),
        st.sampled_from("abc"),
        st.sampled_from([W, N, U]),
        st.sampled_from("xy"),
    ).filter(lambda row: row[1] != row[2]),
    min_size=3,
    max_size=25,
)


@given(rows, st.booleans(), st.integers(0, 99))
@settings(max_examples=50)
def test_a_resample_is_the_table_with_its_rows_repeated(judged: list[Row], pooled: bool, seed: int) -> None:
    whole = table(judged)
    pairs = aggregate(whole, pooled=pooled)
    (batch,) = resample(whole, pairs, RULE, published=False, resamples=4, seed=seed)
    people = len(whole.participant_names)
    drawn = np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), size=4)
    where = places(pairs)
    for index, times in enumerate(drawn.tolist()):
        again = repeated(whole, times)
        counted = aggregate(again, pooled=pooled)
        kept = passes(counted, RULE, entropy(counted))
        names = {
            (int(counted.source[row]), int(counted.candidate[row]), int(counted.context[row])): float(
                likelihood(counted)[row]
            )
            for row in np.flatnonzero(kept)
        }
        ours = {
            (int(pairs.source[row]), int(pairs.candidate[row]), int(pairs.context[row]))
            for row in np.flatnonzero(batch.kept[index])
        }
        assert ours == set(names)
        for place, (value, context) in enumerate(zip(where.value.tolist(), where.context.tolist(), strict=True)):
            wanted = sum(number for (_, wiser, there), number in names.items() if (wiser, there) == (value, context))
            assert batch.wisdom[index, place] == pytest.approx(wanted)


def test_the_same_seed_gives_the_same_numbers_in_whatever_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = table([*votes("a", "b", [W] * 6 + [N] * 3), *votes("b", "c", [W] * 4 + [U] * 4)])
    pairs = aggregate(judged, pooled=False)
    kept = passes(pairs, RULE, entropy(pairs))
    whole = bootstrap(judged, pairs, kept, RULE, published=False, resamples=50, seed=7)
    monkeypatch.setattr("pluralign.graph.bootstrap._AT_ONCE", 100)
    told: list[int] = []
    parts = bootstrap(judged, pairs, kept, RULE, published=False, resamples=50, seed=7, progress=told.append)
    assert len(told) > 1
    assert sum(told) == 50
    for one, other in zip(whole, parts, strict=True):
        assert np.asarray(one) == pytest.approx(np.asarray(other))


def test_what_all_say_survives_and_what_one_says_often_does_not() -> None:
    judged = table([*votes("a", "b", [W] * 12), *votes("a", "c", [W] * 2 + [N] * 10)])
    pairs = aggregate(judged, pooled=False)
    found = bootstrap(
        judged,
        pairs,
        passes(pairs, DEFAULT_THRESHOLDS, entropy(pairs)),
        DEFAULT_THRESHOLDS,
        published=False,
        resamples=400,
    )
    assert found.survival[0] == 1
    assert found.survival[1] < 0.5
    where = places(pairs)
    b = [judged.value_names[code] for code in where.value].index("b")
    assert found.wins[b] == 1
    assert (found.wisdom_low[b], found.wisdom_high[b]) == (1, 1)


def test_tied_winners_share_and_nobody_wins_with_nothing() -> None:
    judged = table([("p", "a", "b", W, "x"), ("p", "a", "c", W, "x"), ("p", "d", "a", W, "y")])
    where = places(aggregate(judged, pooled=False))
    assert where.spans() == [(0, 3), (3, 5)]
    scores = np.array([[0.0, 1.0, 1.0, 0.0, 0.0], [0.2, 0.1, 0.0, 0.3, 0.0]])
    assert winners(scores, where).tolist() == [[0, 0.5, 0.5, 0, 0], [1, 0, 0, 1, 0]]


def test_jaccard_by_hand() -> None:
    kept = np.array([[True, True, False], [False, False, False]])
    assert jaccard(kept, np.array([True, False, True])).tolist() == [1 / 3, 0]
    assert jaccard(kept, np.zeros(3, dtype=bool)).tolist() == [0, 1]


def test_more_people_make_a_winner_surer() -> None:
    judged = table([*votes("a", "b", [W] * 14 + [N] * 6), *votes("a", "c", [W] * 11 + [N] * 9)])
    pairs = aggregate(judged, pooled=False)
    points = convergence(judged, pairs, RULE, published=False, multiples=(0.5, 1, 64), resamples=300)
    assert [point.participants for point in points] == [10, 20, 1280]
    assert [point.judgements for point in points] == [20, 40, 2560]
    assert points[0].probability < points[1].probability < points[2].probability == 1
    assert judged.value_names[points[2].winner] == "b"


def test_how_many_more_is_read_off_the_curve() -> None:
    def curve(*shares: float) -> list[ConvergencePoint]:
        return [ConvergencePoint(0, 10 * 2**i, 100 * 2**i, 5, share) for i, share in enumerate(shares)]

    # 0.90 at 200 and 0.98 at 400: 0.95 is 5/8 of the way, at 325.
    assert further_judgements(curve(0.5, 0.90, 0.98), 0, heard=200) == 125
    assert further_judgements(curve(0.96, 0.97, 0.98), 0, heard=200) == 0
    assert further_judgements(curve(0.5, 0.96, 0.98), 0, heard=200) == 0
    assert further_judgements(curve(0.96, 0.97, 0.94), 0, heard=200) is None
