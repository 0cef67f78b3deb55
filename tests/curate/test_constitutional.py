"""The constitutional recipe from principles to files, driven by a model that writes by rule."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.constitution import Constitution
from pluralign.core.errors import PluralignError
from pluralign.core.records import PreferenceRecord, Record, SftRecord
from pluralign.curate.constitutional import prepare
from pluralign.curate.constitutional_keys import Constitutional
from pluralign.curate.constitutions import written
from pluralign.curate.forecast import forecast
from pluralign.curate.recipe import recipe_from
from pluralign.curate.run import Result, curate
from pluralign.engines.base import ChatRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.store.records import read_records
from tests.curate.writer import said, writer

DRAFTED = {"critique_request": "Where is the answer unkind?", "revision_request": "Make it kind."}
PRINCIPLES: list[dict[str, Any]] = [
    {"id": "care", "title": "Care", "description": "Mind the weak.", **DRAFTED, "citations": [
        {"card": "c1", "people": 30}, {"card": "c2", "people": 10}]},
    {"id": "candour", "title": "Candour", "description": "Say what is true.", "citations": [
        {"card": "c3", "people": 10}]},
]  # fmt: skip


def keys(tmp_path: Path, **more: object) -> Constitutional:
    path = tmp_path / "constitution.json"
    if not path.exists():
        constitution = Constitution.model_validate(
            {"title": "Ours", "collective": "club", "licence": "CC0-1.0", "principles": PRINCIPLES}
        )
        path.write_text(written(constitution))
    fields: dict[str, object] = {
        "name": "test", "model": "scripted", "licence": "CC0-1.0", "constitution": path, "batch": 4,
        "prompts": {"per_principle": 4, "per_call": 2},
    }  # fmt: skip
    return Constitutional.model_validate(fields | more)


def run(recipe: Constitutional, folder: Path, engine: ScriptedEngine | None = None) -> Result:
    folder.mkdir(exist_ok=True)
    engine = engine or writer()
    return curate(prepare(recipe), dict.fromkeys(recipe.engines(), engine), folder)


def sft(folder: Path) -> list[SftRecord]:
    return [one for one in read_records(folder / "sft.jsonl") if isinstance(one, SftRecord)]


def pairs(folder: Path) -> list[PreferenceRecord]:
    path = folder / "preferences.jsonl"
    return [one for one in read_records(path) if isinstance(one, PreferenceRecord)] if path.exists() else []


def drops(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "dropped.jsonl").read_text().splitlines()]


def test_from_principles_to_files(tmp_path: Path) -> None:
    engine = writer()
    result = run(keys(tmp_path), tmp_path / "run", engine)
    assert result.counts["dropped"] == 0, drops(tmp_path / "run")
    # 8 prompts: 4 for supervised records with 2 rounds each, 4 for pairs of two kinds
    records, preferences = sft(tmp_path / "run"), pairs(tmp_path / "run")
    assert (len(records), len(preferences)) == (8, 8)
    assert Counter(one.provenance.details["round"] for one in records) == {1: 4, 2: 4}
    assert Counter(one.provenance.details["pair"] for one in preferences) == {"revision": 4, "judged": 4}
    assert not {one.group for one in records} & {one.group for one in preferences}, "halves"
    for record in (*records, *preferences):
        assert record.collective == "club"
        assert record.source == "constitution “Ours”, version 1"
        assert record.provenance.model == "scripted"
        assert "curate_red_team.v1" in record.provenance.templates
        assert {parent.split(":")[0] for parent in record.provenance.parents} == {"principle", "value", "prompt"}
    drafted = Constitution.model_validate_json((tmp_path / "run" / "constitution.json").read_text())
    assert drafted.principle("care").critique_request == DRAFTED["critique_request"], "people's words stay"
    assert drafted.principle("candour").drafted
    assert records[0].provenance.details["constitution"] == drafted.hash
    by_care = [one for one in records if "principle:care" in one.provenance.parents]
    assert {"value:c1", "value:c2"} < set(by_care[0].provenance.parents)
    assert any("curate_draft.v1" in one.provenance.templates for one in records)
    card = (tmp_path / "run" / "dataset.md").read_text()
    assert "| `principle:care` | Care |" in card
    assert "* **Terms:** constitution: CC0-1.0" in card
    asked = [request.messages for call in engine.said for request in call]
    assert not any("dropped" in turn.content for turns in asked for turn in turns)


def test_inputs_are_copied_by_code_and_each_round_builds_on_the_last(tmp_path: Path) -> None:
    engine = writer()
    run(keys(tmp_path, split="both", pairs=["revision"], draw="own"), tmp_path / "run", engine)
    turns = {tuple(request.messages) for call in engine.said for request in call}
    records = sft(tmp_path / "run")
    for pair in pairs(tmp_path / "run"):
        prompt = pair.prompt[0].content
        first, second = [one.messages[-1].content for one in records if one.group == pair.group]
        revising = [own for own in turns if len(own) == 5 and own[0].content == prompt]
        assert {own[1].content for own in revising} == {pair.rejected, first}
        assert pair.chosen == second
        assert {one.messages[0].content for one in records if one.group == pair.group} == {prompt}


def test_a_judged_pair_prefers_what_the_judge_prefers_in_both_positions(tmp_path: Path) -> None:
    run(keys(tmp_path, split="both", pairs=["judged"], rounds=1), tmp_path / "run")
    found = pairs(tmp_path / "run")
    assert len(found) == 8
    for pair in found:
        assert (len(pair.chosen), pair.chosen) > (len(pair.rejected), pair.rejected)
        # Each of four questions says exp(-.2) against exp(-2): odds of e^1.8, probability 0.858.
        assert pair.preference == pytest.approx(0.858149, abs=1e-6)
        assert pair.margin == pytest.approx(1.8)
        assert pair.provenance.details["position_effect"] == 0
        assert {"curate_judge_keeps.v1", "curate_judge_breaks.v1"} < set(pair.provenance.templates)


def test_a_judge_that_goes_by_position_decides_nothing(tmp_path: Path) -> None:
    engine = writer()
    biased = ScriptedEngine(speaker=engine._speaker, scorer=lambda _: [-0.1, -3.0])
    run(keys(tmp_path, split="both", pairs=["judged"], rounds=1), tmp_path / "run", biased)
    assert pairs(tmp_path / "run") == []
    judged = [one for one in drops(tmp_path / "run") if one["stage"] == "judge"]
    assert {one["reason"] for one in judged} == {"undecided"}
    assert judged[0]["detail"] == "preference 0.50, position effect +0.00"
    run(keys(tmp_path, pairs=["judged"], rounds=1, judging={"framings": ["keeps"]}), tmp_path / "keeps", biased)
    judged = [one for one in drops(tmp_path / "keeps") if one["stage"] == "judge"]
    # exp(-.1) against exp(-3): 0.948, so twice that less one.
    assert judged[0]["detail"] == "preference 0.50, position effect +0.90"


def test_a_judge_may_answer_in_words(tmp_path: Path) -> None:
    def speak(request: ChatRequest) -> str:
        text = request.messages[-1].content
        if "Reply with A or B only" in text:
            first, second = text.index("Answer A:"), text.index("Answer B:")
            longer = second - first > len(text) - second - text[second:].count("\n") - 200
            keeps = "keeps to the principle better" in text
            return "A" if longer == keeps else "Answer B."
        return said([(turn.role, turn.content) for turn in request.messages], request.seed)

    recipe = keys(tmp_path, split="both", pairs=["judged"], rounds=1, judging={"by": "reply"})
    run(recipe, tmp_path / "run", ScriptedEngine(speaker=speak))
    assert len(pairs(tmp_path / "run")) + len(drops(tmp_path / "run")) == 8
    mumbling = writer(**{"Reply with A or B only": "Both are fine."})
    run(keys(tmp_path, pairs=["judged"], judging={"by": "reply"}), tmp_path / "mumbling", mumbling)
    assert {one["reason"] for one in drops(tmp_path / "mumbling")} == {"unreadable"}


@pytest.mark.parametrize(
    ("replies", "stage", "reason"),
    [
        ({"put this principle to the test": "I'm sorry, but I can't write those."}, "red-team", "refused"),
        ({"put this principle to the test": '{"messages": "one"}'}, "red-team", "unreadable"),
        ({'"critique_request"': "Here you are."}, "draft", "unreadable"),
        ({"Make it kind": "I cannot help with that."}, "revision 1", "refused"),
    ],
)
def test_refusals_and_malformed_replies_are_recorded_and_the_run_completes(
    tmp_path: Path, replies: dict[str, str], stage: str, reason: str
) -> None:
    result = run(keys(tmp_path), tmp_path / "run", writer(**replies))
    assert result.stopped is None
    found = {(one["stage"], one["reason"]) for one in drops(tmp_path / "run")}
    assert (stage, reason) in found
    assert (tmp_path / "run" / "dataset.md").exists()
    reply = next(iter(replies.values()))
    for one in (*sft(tmp_path / "run"), *pairs(tmp_path / "run")) if stage.startswith(("draft", "revision")) else ():
        assert reply not in one.model_dump_json()


def test_a_draft_that_fails_falls_back_to_the_fixed_sentence(tmp_path: Path) -> None:
    run(keys(tmp_path, retries=0), tmp_path / "run", writer(**{'"critique_request"': "Here you are."}))
    drafted = Constitution.model_validate_json((tmp_path / "run" / "constitution.json").read_text())
    assert "Say what is true." in drafted.principle("candour").critique_request
    assert "the fixed wording is used" in drops(tmp_path / "run")[0]["detail"]
    fixed = keys(tmp_path, draft="fixed")
    run(fixed, tmp_path / "fixed")
    again = Constitution.model_validate_json((tmp_path / "fixed" / "constitution.json").read_text())
    assert again.principles == drafted.principles


def test_revisions_that_change_nothing_are_dropped(tmp_path: Path) -> None:
    same = ScriptedEngine(speaker=lambda request: said([(t.role, t.content) for t in request.messages[:1]], None))
    recipe = keys(tmp_path, prompts={"file": lines(tmp_path, "What shall I do about my neighbour?")}, pairs=[])
    run(recipe, tmp_path / "run", same)
    assert [(one["stage"], one["reason"]) for one in drops(tmp_path / "run")][-1] == ("revision 1", "unchanged")


def lines(tmp_path: Path, *texts: str) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(texts) + "\n")
    return path


def test_principles_are_drawn_and_several_may_go_at_once(tmp_path: Path) -> None:
    run(keys(tmp_path, split="both", pairs=[], at_once=2, rounds=1, keep_rounds="last"), tmp_path / "both")
    for record in sft(tmp_path / "both"):
        assert {"principle:care", "principle:candour"} < set(record.provenance.parents)
    prompts = {"per_principle": 40, "per_call": 40}
    more: dict[str, object] = {
        "split": "both",
        "pairs": [],
        "rounds": 1,
        "draw": "any",
        "batch": 40,
        "prompts": prompts,
    }
    run(keys(tmp_path, **more, weigh="people"), tmp_path / "people")
    drawn = [
        [parent for parent in one.provenance.parents if parent.startswith("principle:")][-1]
        for one in sft(tmp_path / "people")
        if one.group.startswith("prompt:candour")
    ]
    # Care has 30 people behind it, candour 10: of 40 draws 30 are expected, standard deviation 2.7.
    assert 21 <= drawn.count("principle:care") <= 39


def test_first_answers_may_be_authored_along_with_the_prompt(tmp_path: Path) -> None:
    engine = writer()
    run(keys(tmp_path, first_answer="authored", pairs=["revision"]), tmp_path / "run", engine)
    assert all("authored" in str(one.provenance.details["first_answer"]) for one in pairs(tmp_path / "run"))
    assert not any(len(request.messages) == 1 and "JSON" not in request.messages[0].content
                   for call in engine.said for request in call), "nobody was asked for a first answer"  # fmt: skip


def test_given_prompts_keep_their_principle_and_near_duplicates_and_leaks_are_never_asked(tmp_path: Path) -> None:
    path = tmp_path / "given.jsonl"
    texts = [
        "My aunt is ill and alone at home; what would be a kind thing to do for her this week?",
        "My aunt is ill and alone at home; what would be a kind thing to do for her this month?",
        "A friend asks me: How much does family matter to you? What do I say?",
    ]
    path.write_text("".join(json.dumps({"prompt": text, "principle": "care"}) + "\n" for text in texts))
    engine = writer()
    recipe = keys(
        tmp_path, prompts={"file": path}, split="both", pairs=[],
        screen={"surveys": ["world-mini"], "near_duplicates": 0.7},
    )  # fmt: skip
    run(recipe, tmp_path / "run", engine)
    assert {one.messages[0].content for one in sft(tmp_path / "run")} == {texts[0]}
    assert {(one["item"], one["reason"]) for one in drops(tmp_path / "run") if one["stage"] == "red-team"} == {
        ("care/2", "near-duplicate"),
        ("care/3", "leak"),
    }
    assert not any(
        text in request.messages[0].content for call in engine.said for request in call for text in texts[1:]
    )
    path.write_text(json.dumps({"prompt": "x", "principle": "kindness"}) + "\n")
    with pytest.raises(PluralignError, match=r"given.jsonl:1: principle: the constitution has no principle 'kindness'"):
        prepare(recipe)


def test_few_shot_examples_and_settings_are_drawn_for_each_call(tmp_path: Path) -> None:
    engine = writer()
    examples = lines(tmp_path, *(f"Example number {at} asks for something." for at in range(6)))
    prompts = {
        "per_principle": 4,
        "per_call": 2,
        "few_shot": examples,
        "examples": 2,
        "variance": ["by night", "by day"],
    }
    run(keys(tmp_path, prompts=prompts), tmp_path / "run", engine)
    asked = [request.messages[0].content for call in engine.said for request in call]
    asked = [text for text in asked if "put this principle to the test" in text]
    assert [("by night" in text, "by day" in text) for text in asked] == [(True, False), (False, True)] * 2
    assert all(text.count("- Example number") == 2 for text in asked)
    assert len(set(asked)) == 4


def test_held_out_prompts_are_written_and_never_trained_on(tmp_path: Path) -> None:
    run(keys(tmp_path, prompts={"per_principle": 4, "per_call": 2, "held_out": 1}), tmp_path / "run")
    held_out = [json.loads(line) for line in (tmp_path / "run" / "held_out.jsonl").read_text().splitlines()]
    assert [(one["id"], one["principle"]) for one in held_out] == [("care/4", "care"), ("candour/4", "candour")]
    groups = {one.group for one in (*sft(tmp_path / "run"), *pairs(tmp_path / "run"))}
    assert groups == {f"prompt:{name}/{at}" for name in ("care", "candour") for at in (1, 2, 3)}


def test_long_chosen_answers_can_be_kept_out(tmp_path: Path) -> None:
    run(keys(tmp_path, longest_ratio=1.05), tmp_path / "run")
    for pair in pairs(tmp_path / "run"):
        assert len(pair.chosen) <= 1.05 * len(pair.rejected)
    assert "length" in {one["reason"] for one in drops(tmp_path / "run")}


def test_other_records_are_mixed_in_and_test_rows_kept_apart(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {at} and {at}?", "completion": f"It is {2 * at}."} for at in range(10)]
    file = tmp_path / "helpful.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    part = {"file": file, "licence": "MIT", "source": "by hand"}
    mix = [{**part, "fraction": 0.35}, {**part, "fraction": 0.35, "split": "test"}]
    run(keys(tmp_path, mix=mix, screen={"near_duplicates": None}), tmp_path / "run")
    mixed = [one for one in sft(tmp_path / "run") if one.provenance.recipe == "mixed in"]
    assert len(mixed) == 3
    assert mixed[0].licence == "MIT"
    assert len((tmp_path / "run" / "sft_test.jsonl").read_text().splitlines()) == 10
    published = keys(tmp_path, mix=mix, published=True, screen={"near_duplicates": None})
    run(published, tmp_path / "published")
    first = [one for one in sft(tmp_path / "published") if one.provenance.recipe == "mixed in"]
    assert sorted(one.provenance.parents for one in first) == [(f"row:helpful.jsonl:{at}",) for at in (1, 2, 3)]
    assert len((tmp_path / "published" / "sft_test.jsonl").read_text().splitlines()) == 10
    halves = [one.group for one in sft(tmp_path / "published") if one.provenance.recipe == "constitutional"]
    assert {group.split("/")[0] for group in halves} == {"prompt:care"}, "the first half"
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "x", "completion": "y"}\n')
    with pytest.raises(PluralignError, match=r"bad.jsonl:1: lines that are not our own records need a licence"):
        prepare(keys(tmp_path, mix=[{"file": bad}]))


def test_the_forecast_counts_what_a_run_asks(tmp_path: Path) -> None:
    recipe = keys(tmp_path, screen={"surveys": ["world-mini"]})
    size = forecast(recipe, prepare(recipe).make)
    result = run(recipe, tmp_path / "run")
    assert result.counts["dropped"] == 0
    assert size.usage.calls == result.counts["computed"]
    assert (size.sft, size.preferences) == (len(sft(tmp_path / "run")), len(pairs(tmp_path / "run")))


def test_own_wordings_replace_ours(tmp_path: Path) -> None:
    own = tmp_path / "rot.txt"
    own.write_text('Schreibe {{ count }} Nachrichten zu: {{ statement }} "messages", a list of {{ count }} texts')
    engine = writer()
    run(keys(tmp_path, templates={"red_team": own}), tmp_path / "run", engine)
    assert any("Schreibe 2 Nachrichten" in request.messages[0].content for call in engine.said for request in call)
    assert "rot.txt" in sft(tmp_path / "run")[0].provenance.templates
    own.write_text("{{ cuont }}")
    with pytest.raises(PluralignError, match=r"rot.txt: is no template for 'red_team': 'cuont' is undefined"):
        run(keys(tmp_path, templates={"red_team": own}), tmp_path / "bad")
    with pytest.raises(PluralignError, match="unknown template 'redteam': did you mean 'red_team'"):
        prepare(keys(tmp_path, templates={"redteam": own}))


def test_paths_are_relative_to_the_recipe_and_mistakes_are_named(tmp_path: Path) -> None:
    keys(tmp_path)
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\nmodel: scripted\nlicence: CC0\nconstitution: constitution.json\n")
    recipe = recipe_from(Constitutional, path, {})
    assert prepare(recipe).name == "constitutional"
    assert "constitution.json" not in json.dumps(recipe.settings())
    path.write_text(path.read_text() + "judging: {framings: [keps]}\n")
    with pytest.raises(PluralignError, match=r"recipe.yaml:5: judging.framings\[0\]"):
        recipe_from(Constitutional, path, {})
    with pytest.raises(PluralignError, match="unknown principle 'caer'"):
        prepare(keys(tmp_path, principles=["caer"]))
    nobody = tmp_path / "nobody.json"
    nobody.write_text(json.dumps([{"id": 1, "title": "Care", "description": "Mind the weak."}]))
    with pytest.raises(PluralignError, match="for whom the records speak"):
        prepare(keys(tmp_path, constitution=nobody))
    with pytest.raises(PluralignError, match="nobody is counted behind '1'"):
        run(keys(tmp_path, constitution=nobody, collective="club", weigh="people"), tmp_path / "run")


def everything(folder: Path) -> list[Record]:
    return [*sft(folder), *pairs(folder)]


def test_another_seed_gives_other_records(tmp_path: Path) -> None:
    run(keys(tmp_path), tmp_path / "one")
    run(keys(tmp_path), tmp_path / "same")
    run(keys(tmp_path, seed=1), tmp_path / "other")
    assert everything(tmp_path / "one") == everything(tmp_path / "same")
    assert not {one.id for one in everything(tmp_path / "one")} & {one.id for one in everything(tmp_path / "other")}
