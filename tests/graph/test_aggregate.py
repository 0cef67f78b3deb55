"""Counting: worked by hand, and against a plain loop over judgements that knows nothing of arrays."""

import math
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.moral_graph import Filters, Relationship, Thresholds
from pluralign.graph.aggregate import (
    DEFAULT_THRESHOLDS,
    aggregate,
    cells,
    count,
    entropy,
    failures,
    likelihood,
    pair_contexts,
    passes,
    published_entropy,
    recounted,
)
from pluralign.graph.bridging import distinct
from pluralign.graph.judgements import JudgementTable, latest_only, pack
from pluralign.graph.tally import Method, tally
from tests.graph.handmade import D, L, N, Row, U, W, table, votes

answers = st.sampled_from(list(Relationship))
rows = st.lists(
    st.tuples(st.sampled_from("pqrs"), st.sampled_from("abcd"), st.sampled_from("abcd"), answers, st.sampled_from("xy"))
    .filter(lambda row: row[1] != row[2])
    .map(tuple),
    min_size=1,
    max_size=40,
)


class Plain(NamedTuple):
    """Counts of one ordered pair, and its contexts and people."""

    counts: tuple[int, int, int, int, int]
    contexts: tuple[str, ...]
    people: int


def plain(judged: list[Row], *, pooled: bool) -> dict[tuple[str, str, str], Plain]:
    """The formulas of the specification, one judgement at a time."""
    said: defaultdict[tuple[str, str, str], Counter[Relationship]] = defaultdict(Counter)
    contexts: defaultdict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    people: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for person, source, candidate, answer, context in judged:
        where = "" if pooled else context
        said[source, candidate, where][answer] += 1
        for key in ((source, candidate, where), (candidate, source, where)):
            contexts[key][context] = None
            people[key].add(person)
    found = {}
    for source, candidate, where in list(contexts):
        here, there = said[source, candidate, where], said[candidate, source, where]
        wiser = here[W] + there[L]
        if not here.total() and not wiser:
            continue
        counts = (wiser, here[N] + here[D], here[L] + there[W], here[U], here.total() + there.total())
        key = (source, candidate, where)
        found[key] = Plain(counts, tuple(contexts[key]), len(people[key]))
    return found


def vectorised(judged: JudgementTable, *, pooled: bool) -> dict[tuple[str, str, str], Plain]:
    pairs, found = aggregate(judged, pooled=pooled), cells(judged, pooled=pooled)
    contexts = pair_contexts(judged)
    people = distinct(found.group, judged.participant, len(found.first))
    read = {}
    for row in range(len(pairs)):
        where = "" if pooled else judged.context_names[pairs.context[row]]
        key = (judged.value_names[pairs.source[row]], judged.value_names[pairs.candidate[row]], where)
        counts = pairs.counts(row)
        group = int(pairs.group[row])
        names = tuple(judged.context_names[code] for code in contexts.of(group)) if pooled else (where,)
        read[key] = Plain(
            (counts.wiser, counts.not_wiser, counts.less_wise, counts.unsure, counts.impressions),
            names,
            int(people[group]),
        )
    return read


@given(rows, st.booleans())
def test_counts_contexts_and_people_are_those_of_a_plain_loop(judged: list[Row], pooled: bool) -> None:
    assert vectorised(table(judged), pooled=pooled) == plain(judged, pooled=pooled)


def test_a_pair_worked_by_hand() -> None:
    judged = table([*votes("a", "b", [W, W, W, N, U]), *votes("b", "a", [W, N])])
    pairs = aggregate(judged, pooled=False)
    assert [judged.value_names[code] for code in pairs.candidate] == ["b", "a"]  # the direction asked first comes first
    forward = pairs.counts(0)
    assert (forward.wiser, forward.not_wiser, forward.less_wise, forward.unsure, forward.impressions) == (3, 1, 1, 1, 7)
    assert likelihood(pairs)[0] == 2 / 6  # (3 - 1) / (3 + 1 + 1 + 1)
    # Votes alone: 3/6 and three times 1/6, so 1/2 * 1 + 3 * 1/6 * log2(6).
    assert entropy(pairs)[0] == pytest.approx(0.5 + 0.5 * math.log2(6))
    # With the impressions, of 13: 3, 1, 1, 1, 7.
    by_hand = 3 / 13 * math.log2(13 / 3) + 3 * (1 / 13 * math.log2(13)) + 7 / 13 * math.log2(13 / 7)
    assert published_entropy(pairs)[0] == pytest.approx(by_hand)


def test_less_wise_is_wiser_on_the_reverse_pair() -> None:
    said = aggregate(table(votes("a", "b", [L])), pooled=False)
    meant = aggregate(table(votes("b", "a", [W])), pooled=False)
    assert said.counts(0) == meant.counts(0).model_copy(update={"wiser": 0, "less_wise": 1})
    assert said.counts(1).wiser == 1  # the reverse pair, which nobody was asked about, has its answer


def test_a_unanimous_pair_has_no_entropy_of_votes_and_one_bit_as_published() -> None:
    pairs = aggregate(table(votes("a", "b", [W] * 5)), pooled=False)
    assert entropy(pairs)[0] == 0
    assert published_entropy(pairs)[0] == 1


def test_contexts_are_kept_apart_unless_pooled() -> None:
    judged = table([*votes("a", "b", [W], "x"), *votes("a", "b", [N], "y")])
    assert len(aggregate(judged, pooled=False)) == 2
    (pooled,) = [aggregate(judged, pooled=True).counts(0)]
    assert (pooled.wiser, pooled.not_wiser) == (1, 1)


def test_thresholds_name_what_failed() -> None:
    pairs = aggregate(table([*votes("a", "b", [W, W, W]), *votes("a", "c", [W, W, W, W])]), pooled=False)
    failed = failures(pairs, DEFAULT_THRESHOLDS, entropy(pairs))
    assert failed["min_total"].tolist() == [True, False]  # three answers are too few, four are enough
    assert passes(pairs, DEFAULT_THRESHOLDS, entropy(pairs)).tolist() == [False, True]
    # Wilson's lower end of 4 of 4 is 4 / (4 + 1.96^2) = 0.5101.
    strict = Thresholds(min_support_low=0.5101)
    assert failures(pairs, strict, entropy(pairs))["min_support_low"].tolist() == [True, False]


@given(rows)
def test_recounting_the_same_judgements_changes_nothing(judged: list[Row]) -> None:
    whole = table(judged)
    pairs, found = aggregate(whole, pooled=False), cells(whole, pooled=False)
    again = recounted(pairs, np.stack([count(whole, found)] * 2))
    assert again.wiser.shape == (2, len(pairs))
    assert all((again.wiser == pairs.wiser).all(axis=1))
    assert (likelihood(again) == likelihood(pairs)).all()


@given(rows)
def test_the_order_of_judgements_does_not_change_the_counts(judged: list[Row]) -> None:
    def counts(order: list[Row]) -> dict[tuple[str, str, str], tuple[int, ...]]:
        return {key: found.counts for key, found in vectorised(table(order), pooled=True).items()}

    assert counts(judged) == counts(judged[::-1])


def test_keys_too_wide_for_one_number_are_renumbered() -> None:
    wide = np.array([0, 2**40, 2**40, 5])
    key = pack(wide, wide, wide)
    assert len(np.unique(key)) == 3
    assert key[1] == key[2]
    assert (np.argsort(key, kind="stable") == [0, 3, 1, 2]).all()


def test_the_last_judgement_of_a_person_on_a_pair_counts() -> None:
    judged = table([("p", "a", "b", N, "x"), ("p", "a", "b", U, "y"), ("q", "a", "b", W, "x"), ("p", "a", "b", W, "x")])
    apart = latest_only(judged, per_context=True)
    assert [row.relationship for row in apart.judgements()] == [U, W, W]
    (lost,) = apart.set_aside
    assert (lost.count, lost.example) == (1, "judgements, data row 1")
    pooled = latest_only(judged, per_context=False)  # as published: one row per person and pair
    assert [row.relationship for row in pooled.judgements()] == [W, W]


def test_a_judgement_changed_after_the_cut_off_still_counts_as_it_was() -> None:
    judged = table([("p", "a", "b", W, "x"), ("p", "a", "b", N, "x")])
    early = tally(judged, Method(filters=Filters(until=judged.judgements()[1].judged_at)))
    assert early.pairs.counts(0).wiser == 1
    assert early.table.set_aside == ()
