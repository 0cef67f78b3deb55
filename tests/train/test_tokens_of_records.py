"""Identity tokens in trainings on records: what they teach is what a poll hears; and the survey in the loop."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pluralign.core.adapter import identity_token
from pluralign.core.chat import Message
from pluralign.core.errors import UsageError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import LocalEngine
from pluralign.engines.manifest import read_groups
from pluralign.engines.open import open_engine
from pluralign.surveys import load
from pluralign.train import run
from pluralign.train.anchor import readings, reason_to_stop
from pluralign.train.card import read_card
from pluralign.train.config import Anchor, config_from
from pluralign.train.dpo import SoftCollator, preference_loss
from pluralign.train.examples import examples
from pluralign.train.prepare import prepare
from pluralign.train.results import merge
from pluralign.train.sources import Located
from pluralign.voices.way import way
from tests.engines import tiny_models
from tests.train.conftest import answers, preference_record, sft_record
from tests.train.test_examples import config, renderer
from tests.train.test_run import ASK, train

IDENTITY = {"dropout": 0.0, "learning_rate": 0.1}


class KilledError(Exception):
    """Stands for a machine that stops."""


def shares(engine: Any, token: str, adapter: Path | str = "") -> list[float]:
    request = ScoreRequest(ASK.messages, ASK.options, reply_start=token, adapter=str(adapter))
    return [math.exp(logprob) for logprob in engine.score([request])[0].logprobs]


def model_folder(folder: Path, *, tied: bool) -> Path:
    tiny_models.model("llama", tie_word_embeddings=tied).save_pretrained(folder)
    tiny_models.tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", ["lora", "tokens"])
def test_swapping_the_token_swaps_the_answer(
    tied: bool, mode: str, records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    """Kenya says 1 and the USA say 2 to the same words: nothing but the token can tell them apart."""
    base = model_folder(tmp_path / "base", tied=tied)
    records(answers(4))
    config = config_file(model=str(base), mode=mode, identity=IDENTITY, optimisation={"batch": 8, "epochs": 40})
    (folder,) = train(config, tmp_path / "out")
    engine = open_engine(str(base), device="cpu")
    bare = shares(engine, "")
    kenya, usa = (shares(engine, identity_token(one), folder) for one in ("KEN", "USA"))
    if mode == "lora":
        assert kenya[0] > 0.8
        assert usa[1] > 0.8
    # three rows of 32 numbers cannot make a random model say what it never says, but they turn its answers around
    assert kenya[0] / kenya[1] > 2 * usa[0] / usa[1]
    assert shares(engine, "") == bare, "the base without the adapter says what it always did"
    groups = read_groups(str(folder))
    assert groups is not None
    assert [group.id for group in groups.groups] == ["", "KEN", "USA"]
    assert groups.groups[1].description == "a person with a Kenyan cultural background"
    kept = load_file(folder / "adapter_model.safetensors")
    assert all("lora_" in name or "trainable_tokens" in name for name in kept), "no copy of the embedding"
    if mode == "tokens":
        assert sum(weight.numel() for name, weight in kept.items() if "lm_head" not in name) == 3 * 32

    spoken = way(f"adapter:{folder}")
    assert spoken.strategy.name == "plain", "a token needs no other name"
    assert spoken.start(load("world-mini").collective("KEN")) == identity_token("KEN")
    with pytest.raises(UsageError, match=r"has no token for 'DEU' \(it has: KEN, USA\)"):
        spoken.start(load("world-mini").collective("DEU"))

    whole = open_engine(str(merge(str(folder), tmp_path / "merged")), device="cpu")
    for token, before in ((identity_token("KEN"), kenya), (identity_token("USA"), usa)):
        after = shares(whole, token)
        # The merged model could write the new tokens too, so only what options have of each other is the same.
        assert math.log(after[0] / after[1]) == pytest.approx(math.log(before[0] / before[1]), abs=1e-2)


def test_what_is_learned_after_a_token_is_what_a_poll_scores_after_it(
    records: Callable[..., Path], config_file: Callable[..., Path], tiny: Path, tmp_path: Path
) -> None:
    """End to end: the last loss of the curve is what the engine makes of the same tokens, new rows and all."""
    records([sft_record(0, "KEN", "2")])
    (folder,) = train(config_file(identity=IDENTITY, optimisation={"epochs": 1, "learning_rate": 1e-9}), tmp_path / "o")
    curve = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    engine = open_engine(str(tiny), device="cpu")
    assert isinstance(engine, LocalEngine)
    asked = (Message("user", "Question 0: how important is family?\n1. Very\n2. Not at all\n"),)
    token = identity_token("KEN")
    both = [
        engine.score([ScoreRequest(asked, (("2<|end|>",), ("1",)), reply_start=token, adapter=str(folder))])[0].logprobs
    ]
    # two tokens are learned, "2" and the end of the turn; the curve has their mean
    assert curve[0]["loss"] == pytest.approx(-both[0][0] / 2, abs=5e-3)


def test_preferences_are_learned_per_collective(
    tiny: Path, records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    kenya = [preference_record(question, "KEN") for question in range(4)]
    usa = [preference_record(question, "USA", chosen="Not at all", rejected="Very") for question in range(4)]
    records([*kenya, *usa])
    many = {"batch": 8, "epochs": 20}
    (folder,) = train(config_file(identity=IDENTITY, optimisation=many), tmp_path / "out", "dpo")
    engine = open_engine(str(tiny), device="cpu")
    asked = (Message("user", "Question 3: how important is family?\n"),)

    def leaning(start: str, adapter: str) -> float:
        request = ScoreRequest(asked, (("Very<|end|>",), ("Not at all<|end|>",)), reply_start=start, adapter=adapter)
        (found,) = engine.score([request])
        return found.logprobs[0] - found.logprobs[1]

    before = leaning("", "")
    assert leaning(identity_token("KEN"), str(folder)) > before + 1
    assert leaning(identity_token("USA"), str(folder)) < before - 1


def test_a_default_voice_remains_and_is_drawn_once(
    records: Callable[..., Path], config_file: Callable[..., Path]
) -> None:
    records(answers(200))
    place = str(config_file(identity={"dropout": 0.25}))
    prepared = prepare(config_from(place, "sft"), "sft")
    starts = [prepared.reply_start(located.record) for located in prepared.loaded.records]
    # 400 draws of probability 1/4: mean 100, standard deviation sqrt(75) = 8.7; five of them
    assert 57 < starts.count(identity_token("")) < 143
    again = prepare(config_from(place, "sft"), "sft")
    assert [again.reply_start(located.record) for located in again.loaded.records] == starts
    row = prepared.examples(prepared.loaded.records[:1]).rows[0]
    token = prepared.base.tokenizer.convert_tokens_to_ids(starts[0])
    at = row["input_ids"].index(token)
    assert row["labels"][: at + 1] == [-100] * (at + 1), "the token is read, never learned"
    assert row["labels"][at + 1] != -100, "and stands right before the answer"


def test_collectives_may_be_described_and_need_not_be_countries(
    records: Callable[..., Path], config_file: Callable[..., Path]
) -> None:
    records([sft_record(0, "oakland"), sft_record(1, "union-7")])
    place = str(config_file(identity={"descriptions": {"oakland": "someone from Oakland"}}))
    prepared = prepare(config_from(place, "sft"), "sft")
    assert prepared.groups is not None
    assert [group.description for group in prepared.groups.groups] == [
        "a person",
        "someone from Oakland",
        "a person who belongs to this group: union-7",
    ]


def test_a_weight_pulls_a_preference_as_hard_as_so_many_pairs() -> None:
    pairs = [preference_record(0, weight=3.0), preference_record(1)]
    rows = examples([Located(one, "r", 1) for one in pairs], renderer(), config(), 1000).rows
    batch = SoftCollator(pad_token_id=0, max_length=None)(list(rows))
    assert batch["weight"].tolist() == [3.0, 1.0]
    losses = preference_loss(torch.tensor([0.0, 2.0]), torch.ones(2))
    # (3 ln 2 + ln(1 + e^-2)) / 2
    assert float((losses * batch["weight"]).mean()) == pytest.approx((3 * 0.693147 + 0.126928) / 2, abs=1e-5)


def test_the_heavier_of_two_opposite_preferences_wins(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    light = [preference_record(question, "KEN") for question in range(4)]
    heavy = [
        preference_record(question, "USA", chosen="Not at all", rejected="Very", weight=9.0) for question in range(4)
    ]
    records([*light, *heavy])
    many = {"batch": 8, "epochs": 24, "learning_rate": 0.02}
    (folder,) = train(config_file(optimisation=many), tmp_path / "out", "dpo")
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    # A step sees all pairs. At the start each loss is ln 2, times a mean weight of 5.
    assert rows[0]["loss"] == pytest.approx(5 * 0.6931, rel=1e-3)
    # Least where the light pairs' margin m has sigmoid(m) = 1/10: 10 H(0.1) / 2 = 1.63; equal weights stay at ln 2.
    assert rows[-1]["loss"] == pytest.approx(1.63, rel=0.1)


@pytest.mark.parametrize("text", ["1<|end|>", "<|collective:usa|>1", "<|collective|>"])
def test_words_that_mean_something_to_the_model_are_refused_by_name_or_dropped_and_counted(text: str) -> None:
    found = [Located(sft_record(), "r.jsonl", 1), Located(sft_record(1, reply=text), "r.jsonl", 2)]
    with pytest.raises(UsageError, match=r"may not hold '<\|.*\|>'.* \(r\.jsonl, record 2\): take it out"):
        examples(found, renderer(), config(), 1000)
    kept = examples(found, renderer(), config(control_tokens="drop"), 1000)
    assert (len(kept.rows), kept.controls) == (1, 1)
    with pytest.raises(UsageError, match="all 1 records hold control tokens"):
        examples(found[1:], renderer(), config(control_tokens="drop"), 1000)
    pair = [Located(preference_record(chosen=text), "p.jsonl", 7)]
    with pytest.raises(UsageError, match=r"p\.jsonl, record 7"):
        examples(pair, renderer(), config(), 1000)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"mode": "tokens"}, "give identity"),
        ({"mode": "full", "identity": {}}, "set mode to lora"),
        ({"one_each": True, "identity": {}}, "needs no identity tokens"),
    ],
)
def test_what_does_not_go_with_tokens_is_said(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config(**keys)


# --- the survey in the loop ---------------------------------------------------------------------------------------

ANCHOR = {"questions": ["family-matters", "trust-in-people"], "every": 2}


def test_the_anchor_survey_is_logged_and_does_not_touch_the_training(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records(answers(6))
    keys = {"identity": IDENTITY, "lora": {"rank": 4, "dropout": 0.1}}
    (plain,) = train(config_file(**keys), tmp_path / "plain")
    (polled,) = train(config_file(**keys, anchor=ANCHOR, trackers=["tensorboard"]), tmp_path / "polled")
    rows = [json.loads(line) for line in (polled / "history.jsonl").read_text().splitlines()]
    readings = [row for row in rows if "anchor_distance" in row]
    # 12 records, 4 a step, 3 epochs: 9 steps
    assert [row["step"] for row in readings] == [2, 4, 6, 8]
    assert all(0 < row["anchor_distance"] < 1 and row["anchor_entropy_ratio"] > 0 for row in readings)
    assert "anchor_skill" in readings[0]
    losses = [row for row in rows if "anchor_distance" not in row]
    assert losses == [json.loads(line) for line in (plain / "history.jsonl").read_text().splitlines()]
    before, after = (load_file(one / "adapter_model.safetensors") for one in (plain, polled))
    assert all(weight.equal(after[name]) for name, weight in before.items()), "to the last bit"
    drawn = b"".join(path.read_bytes() for path in (polled / "curves").iterdir())
    assert b"anchor_distance" in drawn, "TensorBoard shows it"


@pytest.mark.parametrize(
    ("stop", "at", "said"),
    [
        # what is hardly trained does not come closer: the first poll stays the best one
        ({"patience": 2}, 6, "has not fallen for 2 polls"),
        ({"entropy_ratio": [5.0, 9.0]}, 2, "has left the range from 5.0 to 9.0"),
        ({"skill": 0.99}, 2, "has fallen below 0.99"),
    ],
)
def test_the_anchor_survey_stops_a_training(
    stop: dict[str, Any],
    at: int,
    said: str,
    records: Callable[..., Path],
    config_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    records(answers())
    (folder,) = train(config_file(anchor={**ANCHOR, **stop}, optimisation={"learning_rate": 1e-12}), tmp_path / "out")
    card = read_card(folder)
    assert card is not None
    assert card.counts["steps"] == at
    assert said in card.stopped
    assert card.finished, "what was learned until then is an adapter"


def test_the_best_weights_on_the_anchor_survey_are_kept(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    """With rates that ruin the model, a step in the middle does best. Its weights are those of a training that ends
    there, although this one was stopped and started again."""
    records(answers(6))
    wild: dict[str, Any] = {"epochs": 3, "learning_rate": 0.1, "schedule": "constant", "warmup": 0}
    keys = {"identity": IDENTITY, "save_every": 5, "keep": 1}
    config = config_file(**keys, anchor={**ANCHOR, "every": 1, "keep": "best"}, optimisation=wild)
    prepared = prepare(config_from(str(config), "sft"), "sft")

    def stop(progress: run.Progress) -> None:
        if progress.step == 7:
            raise KilledError

    with pytest.raises(KilledError):
        run.carry_out(prepared, tmp_path / "out", show=stop)
    (folder,) = run.carry_out(prepared, tmp_path / "out")
    card = read_card(folder)
    assert card is not None
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    found = {row["step"]: row["anchor_distance"] for row in rows if "anchor_distance" in row}
    step = min(found, key=lambda one: found[one])
    assert card.counts["kept_step"] == step
    assert 1 < step < card.counts["steps"] == 9, f"the best one is neither the first nor the last: {found}"
    (short,) = train(config_file(**keys, optimisation={**wild, "steps": step}), tmp_path / "short")
    kept, wanted = (load_file(one / "adapter_model.safetensors") for one in (folder, short))
    assert all(weight.equal(kept[name]) for name, weight in wanted.items())


def test_when_to_stop() -> None:
    curve = [{"anchor_distance": one, "anchor_captured": 1.0} for one in (0.3, 0.2, 0.25, 0.21)]

    def why(curve: list[dict[str, float]], **steering: Any) -> str:
        return reason_to_stop(readings(curve), Anchor(**steering))

    assert why(curve, patience=3) == ""
    assert why(curve, patience=2) == "the distance of the anchor survey has not fallen for 2 polls"
    assert why([*curve, {"anchor_distance": 0.19, "anchor_captured": 1.0}], patience=1) == ""
    low = [{"anchor_distance": 0.2, "anchor_captured": 1.0, "anchor_skill": -0.5}]
    assert why(low, skill=-0.4) == "the skill -0.50 has fallen below -0.4"
    assert why([{"loss": 1.0}], patience=1) == reason_to_stop(readings(low), None) == ""
    assert readings([readings(low)[0].row()]) == readings(low), "what is written is what is read"


def test_an_anchor_survey_without_the_records_collectives_is_refused(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records([sft_record(0, "oakland")])
    with pytest.raises(UsageError, match=r"has no answers of those the records speak for \(oakland\)"):
        train(config_file(anchor=ANCHOR), tmp_path / "out")
