"""A recipe from its YAML to its folder: what is written, what is asked, and that an interruption leaves no trace."""

import json
from pathlib import Path

import pytest

from pluralign.core.errors import DataError, UsageError
from pluralign.curate.forecast import forecast
from pluralign.curate.recipe import recipe_from
from pluralign.curate.run import curate, specify
from pluralign.engines.base import ChatRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.store.records import read_records
from tests.curate.small import Small, engine, prepare, small, speak

WRITTEN = ("sft.jsonl", "dropped.jsonl", "dataset.md", "topics.txt")


def test_everything_is_written_in_the_recipes_order(tmp_path: Path) -> None:
    recipe = small(screen={"surveys": ["world-mini"]})
    result = curate(prepare(recipe), {"model": engine()}, tmp_path)
    records = list(read_records(tmp_path / "sft.jsonl"))
    assert [record.provenance.parents for record in records] == [(f"topic:{name}",) for name in recipe.topics]
    assert sorted(path.name for path in result.files) == sorted(WRITTEN)
    assert (tmp_path / "topics.txt").read_text() == "tea\ncoffee\nbread\nmusic\nrain\n"
    assert (tmp_path / "dropped.jsonl").read_text() == ""
    assert not (tmp_path / "preferences.jsonl").exists()
    assert result.counts["computed"] == 10
    card = (tmp_path / "dataset.md").read_text()
    for said in (
        "| sft | club | 5 | reply | 12.0 |",
        "* **Licence:** CC0-1.0",
        "| `topic:tea` | tea | 1 | 0 | 0 |",
        "| question | 5 | 5 (100%) | 0 | 0 | 0 | 0 | 0 |",
        "* No record contains one of 77 questions of world-mini.",
        "| model | scripted | `1` | 10 |",
    ):
        assert said in card, said


def test_refusals_and_malformed_replies_are_recorded_and_the_run_completes(tmp_path: Path) -> None:
    def sometimes(request: ChatRequest) -> str:
        text = request.messages[-1].content
        return "I cannot help with that." if "coffee" in text else '{"q": 1}' if "bread" in text else speak(request)

    recipe = small(retries=1)
    result = curate(prepare(recipe), {"model": ScriptedEngine(speaker=sometimes)}, tmp_path)
    drops = [json.loads(line) for line in (tmp_path / "dropped.jsonl").read_text().splitlines()]
    assert [(drop["item"], drop["reason"]) for drop in drops] == [
        ("coffee/question", "refused"),
        ("bread/question", "unreadable"),
    ]
    assert drops[0]["reply"] == "I cannot help with that."
    assert drops[0]["parents"] == ["topic:coffee"]
    assert result.counts["records"] == 3
    card = (tmp_path / "dataset.md").read_text()
    assert "| question | 5 | 3 (60%) | 1 (20%) | 1 (20%) | 0 | 0 | 1 |" in card
    assert "| question | refused | 1 |" in card


def test_a_run_stopped_by_a_cap_writes_what_is_whole_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    alone, stopped = tmp_path / "alone", tmp_path / "stopped"
    for folder in (alone, stopped):
        folder.mkdir()
    curate(prepare(small(batch=2)), {"model": engine()}, alone)
    first = curate(prepare(small(batch=2, caps={"calls": 7})), {"model": engine()}, stopped)
    assert first.stopped is not None
    assert "--max-calls" in first.stopped
    assert "**Incomplete:** stopped before the cap of 7 calls" in (stopped / "dataset.md").read_text()
    model = engine()
    again = curate(prepare(small(batch=2)), {"model": model}, stopped)
    assert sum(map(len, model.said)) == 10 - 7
    assert again.stopped is None
    for name in WRITTEN:
        assert (stopped / name).read_bytes() == (alone / name).read_bytes(), name


def test_caps_and_prices_do_not_make_another_run(tmp_path: Path) -> None:
    engines = {"model": engine()}
    first = specify(prepare(small()), engines)
    assert specify(prepare(small(caps={"calls": 3}, prices={"scripted": {"input": 1}})), engines).id == first.id
    assert specify(prepare(small(seed=1)), engines).id != first.id
    assert tmp_path.is_dir()


def test_the_forecast_is_the_recipe_without_a_model() -> None:
    recipe = small(prices={"scripted": {"input": 1, "output": 10}})
    size = forecast(recipe, prepare(recipe).make)
    assert [(stage.name, stage.usage.calls) for stage in size.stages] == [("question", 5), ("answer", 5)]
    assert (size.sft, size.preferences) == (5, 0)
    assert size.stages[0].longest == 5 * 60
    assert size.cost is not None
    assert size.most_cost is not None
    assert size.cost == pytest.approx((size.usage.prompt_tokens + 10 * size.usage.completion_tokens) / 1e6)
    assert size.most_cost > size.cost


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


GOOD = "name: small\nmodel: scripted:hash\nlicence: CC0-1.0\n"


def test_flags_override_keys_one_by_one(tmp_path: Path) -> None:
    path = write(tmp_path / "r.yaml", GOOD + "caps:\n  calls: 3\n  tokens: 9\n")
    recipe = recipe_from(Small, path, {"caps": {"calls": 5}, "seed": 2})
    assert (recipe.caps.calls, recipe.caps.tokens, recipe.seed) == (5, 9, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "temprature: 1\n", "r.yaml:4: temprature: unknown key 'temprature': did you mean 'temperature'?"),
        (GOOD + "screen:\n  surveys: []\n  leek: 1\n", "r.yaml:6: screen.leek: unknown key 'leek'"),
        ("name: small\nmodel: x\n", "the key 'licence' is missing"),
        (GOOD + "licence: x\n", "r.yaml:4: licence: the key is used twice"),
        (GOOD + "prices:\n  gpt: {input: 1}\n", "a price for 'gpt', which this recipe does not ask"),
    ],
)
def test_a_mistake_in_the_yaml_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        recipe_from(Small, write(tmp_path / "r.yaml", text), {})
    assert message in str(raised.value)


def test_a_cap_on_cost_needs_prices(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs prices"):
        recipe_from(Small, write(tmp_path / "r.yaml", GOOD + "caps: {cost: 1}\n"), {})
