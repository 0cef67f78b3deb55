"""Preference pairs between collectives: who is held against whom, which pairs stay, and what the records say."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.records import PreferenceRecord
from pluralign.curate.contrast import pairs
from pluralign.curate.preferences import Preferences, choose, mixture, prepare
from pluralign.curate.run import Result, curate
from pluralign.prompts.options import show
from pluralign.prompts.strategies import Context, strategy
from pluralign.store.records import read_records
from pluralign.surveys import load
from tests.cli.conftest import Said, type_command

__all__ = ["type_command"]

SURVEY = load("world-mini")


def recipe(**keys: Any) -> Preferences:
    given = {"name": "test", "licence": "CC0-1.0", "as": ["KEN"], "against": ["DEU"]}
    return Preferences.model_validate(given | ({} if "run" in keys else {"survey": "world-mini"}) | keys)


def made(own: Preferences, folder: Path) -> Result:
    folder.mkdir(exist_ok=True)
    return curate(prepare(own), {}, folder)


def kept(folder: Path) -> list[PreferenceRecord]:
    records = list(read_records(folder / "preferences.jsonl"))
    return [record for record in records if isinstance(record, PreferenceRecord)]


def test_records_carry_the_soft_label_of_their_pair(tmp_path: Path) -> None:
    made(recipe(), tmp_path)
    records = kept(tmp_path)
    assert len(records) > 100
    for record in records:
        question = SURVEY.question(record.group.removeprefix("question:"))
        own, other = (SURVEY.reference(name, question.id) for name in ("KEN", "DEU"))
        assert own is not None
        assert other is not None
        order = tuple(int(place) for place in str(record.provenance.details["order"]).split(","))
        shown = show(question, order)
        option = {forms[0]: at for at, forms in enumerate(shown.forms)}
        pair = next(
            pair
            for pair in pairs(own, other)
            if (pair.chosen, pair.rejected) == (option[record.chosen], option[record.rejected])
        )
        assert record.preference == pytest.approx(pair.preference, abs=1e-8)
        assert record.margin == pytest.approx(pair.margin, abs=1e-8)
        assert record.weight == pytest.approx(pair.weight, abs=1e-8)
        assert record.margin is not None
        assert record.margin > 2.58 * pair.error
        context = Context(collective=SURVEY.collective("KEN"))
        assert record.prompt == strategy("persona").messages(shown, context)


def test_the_same_recipe_writes_the_same_bytes(tmp_path: Path) -> None:
    made(recipe(), tmp_path / "one")
    made(recipe(), tmp_path / "two")
    for name in ("preferences.jsonl", "dropped.jsonl", "dataset.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_both_sides_of_a_pair_of_peoples(tmp_path: Path) -> None:
    made(recipe(**{"as": ["KEN", "DEU"], "against": []}), tmp_path)
    chosen: dict[str, set[tuple[str, str, str]]] = {"KEN": set(), "DEU": set()}
    for record in kept(tmp_path):
        details = record.provenance.details
        chosen[record.collective].add((record.group, str(details["chosen"]), str(details["rejected"])))
    # What Kenyans would rather say than Germans, Germans would rather not.
    assert chosen["DEU"] == {(group, rejected, taken) for group, taken, rejected in chosen["KEN"]}


def test_rules_for_pairs() -> None:
    own = Distribution.from_weights([60, 30, 10], Obtained.PEOPLE, n=100)
    theirs = Distribution.from_weights([10, 32, 58], Obtained.PEOPLE, n=100)
    every = choose(recipe(pairs="all"), own, theirs)
    assert [(pair.chosen, pair.rejected) for pair in every] == [(0, 2), (0, 1), (1, 2)]
    assert [(p.chosen, p.rejected) for p in choose(recipe(pairs="modes"), own, theirs)] == [(0, 2)]
    assert choose(recipe(pairs="modes"), own, own) == []
    assert choose(recipe(pairs="clear"), own, own) == []
    assert len(choose(recipe(pairs="clear"), own, theirs)) == 3
    assert len(choose(recipe(pairs="clear", errors=5), own, theirs)) == 1
    assert len(choose(recipe(pairs="clear", least_preference=0.95), own, theirs)) == 1
    assert len(choose(recipe(pairs="all", most=2), own, theirs)) == 2
    # Heard in one case of 60 · 58 + 10 · 10 = 0.358, with half an answer added to each count.
    assert every[0].weight == pytest.approx((60.5 * 58.5 + 10.5 * 10.5) / 101.5**2)


def test_several_others_count_as_one_and_that_is_the_mean_over_them() -> None:
    own = Distribution.from_weights([5, 3, 2], Obtained.EXACT)
    others = [Distribution.from_weights(shares, Obtained.EXACT) for shares in ([2, 3, 5], [1, 8, 1], [4, 4, 2])]
    both = mixture(others)
    assert both is not None
    together = {frozenset((pair.chosen, pair.rejected)): pair for pair in pairs(own, both)}
    weights: Counter[frozenset[int]] = Counter()
    straight: Counter[frozenset[int]] = Counter()
    for other in others:
        for pair in pairs(own, other):
            options = frozenset((pair.chosen, pair.rejected))
            same = together[options].chosen == pair.chosen
            weights[options] += pair.weight / 3  # type: ignore[assignment]
            straight[options] += pair.weight * (pair.preference if same else 1 - pair.preference) / 3  # type: ignore[assignment]
    for options, pair in together.items():
        assert pair.weight == pytest.approx(weights[options])
        assert pair.preference == pytest.approx(straight[options] / weights[options])


def test_how_many_people_a_mixture_is_worth() -> None:
    sizes = [Distribution.from_weights([1, 1], Obtained.PEOPLE, n=size) for size in (100, 300)]
    both = mixture(sizes)
    # The mean of two shares has the variance (v/100 + v/300) / 4: that of 4 / (1/100 + 1/300) = 300 people.
    assert both is not None
    assert both.n == pytest.approx(300)
    mixed = mixture([sizes[0], Distribution.from_weights([1, 1], Obtained.EXACT)])
    assert mixed is not None
    assert mixed.n is None
    assert mixture([]) is None


def test_questions_that_are_not_used_count_as_measured(tmp_path: Path) -> None:
    own = recipe(questions={"topics": ["Safety"]})
    result = made(own, tmp_path)
    assert {record.provenance.details["topic"] for record in kept(tmp_path)} == {"Safety"}
    assert result.card.leaks.questions == {"world-mini": 77 - len(SURVEY.select(topics=["Safety"]).questions)}


def test_from_the_answers_of_two_voices(type_command: Callable[..., Said], tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = type_command(
        "poll", "--model", "scripted:hash", "--survey", "world-mini", "--as", "KEN,DEU", "--topic", "Safety",
        "--voice", "plain,persona", "--resamples", "100", "--out", run,
    )  # fmt: skip
    assert said.code == 0, said.err
    config = tmp_path / "recipe.yaml"
    config.write_text("name: voices\nlicence: CC0-1.0\nrun: run\nas: [persona@KEN]\nagainst: [plain]\nteach: plain\n")
    out = tmp_path / "out"
    said = type_command("curate", "preferences", config, "--out", out)
    assert said.code == 0, said.err
    records = kept(out)
    assert {record.collective for record in records} == {"KEN"}
    assert {record.provenance.details["against"] for record in records} == {"plain"}
    assert all(record.source == "answers of scripted:hash to World mini" for record in records)
    assert all(
        math.isclose(record.preference, 1 / (1 + math.exp(-(record.margin or 0))), abs_tol=1e-6) for record in records
    )
    said = type_command("curate", "preferences", config, "--as", "persona@USA")
    assert said.code == 2
    assert "unknown voice 'persona@USA'" in said.err
    said = type_command("curate", "preferences", config, "--as", "plain")
    assert said.code == 2
    assert "speaks for nobody in particular" in said.err


def test_what_cannot_be_done_is_said_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="either a survey or the folder of a finished poll"):
        recipe(run="runs/x", survey="world-mini")
    with pytest.raises(ValueError, match="are not taught with 'self-alignment'"):
        recipe(teach="self-alignment")
    with pytest.raises(UnknownNameError, match="unknown country or group 'Kenia'"):
        prepare(recipe(**{"as": ["Kenia"]}))
    with pytest.raises(UsageError, match="nobody to hold 'KEN' against"):
        prepare(recipe(against=["KEN"]))
    with pytest.raises(UsageError, match=r"no run"):
        prepare(recipe(run="nowhere"))
