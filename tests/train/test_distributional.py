"""Training toward people's distributions: it comes closer, resumes to the bit, stops where told, and is a voice."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")

import torch

from pluralign.core.adapter import MANIFEST_FILE, AdapterManifest
from pluralign.core.errors import InterruptedRunError, ModelError, UsageError
from pluralign.engines.scripted import scripted
from pluralign.prompts.options import Labels, orders
from pluralign.surveys import load
from pluralign.train import distributional
from pluralign.train.distributional import DistributionalTrainer, Progress
from pluralign.train.distributional_config import DistributionalConfig
from pluralign.train.learned import learned
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice
from pluralign.voices.way import way
from tests.engines import tiny_models

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Could not find a config file in"),
]
SURVEY = load("world-mini")


def config(**settings: Any) -> DistributionalConfig:
    given = {
        "name": "tiny",
        "model": "tiny",
        "learn_from": [{"survey": "world-mini"}],
        "held_out": {
            "topics": ["Religion", "Right and wrong", "Economy", "Corruption", "Science and technology"],
            "collectives": [one.id for one in SURVEY.collectives[4:]],
        },
        "lora": {"rank": 2, "targets": ["q_proj", "v_proj"]},
        "steps": 6,
        "questions": 1,
        "save_every": 2,
        "anchor": None,
    }
    return DistributionalConfig.model_validate({**given, **settings})


def trainer(folder: Path, *, tied: bool = True, **settings: Any) -> DistributionalTrainer:
    folder.mkdir(exist_ok=True)
    made = config(**settings)
    model = tiny_models.model("llama", tie_word_embeddings=tied, max_position_embeddings=4096)
    return DistributionalTrainer(made, learned(made), tiny_models.engine(model, digest="0"), folder)


def curve(folder: Path) -> list[tuple[int, float]]:
    lines = (folder / distributional.HISTORY).read_text().splitlines()
    return [(line["step"], line["loss"]) for line in map(json.loads, lines)]


class KilledError(Exception):
    """Stands for kill -9: nothing of the trainer's runs after it."""


@pytest.mark.parametrize("tied", [True, False])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(tied: bool, tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", tied=tied).train()

    def kill(progress: Progress) -> None:
        if progress.step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        trainer(tmp_path / "killed", tied=tied).train(kill)
    resumed = trainer(tmp_path / "killed", tied=tied).train()
    assert (whole.resumed_at, resumed.resumed_at) == (0, 4)
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole"), "to the last bit"
    weights = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]
    renamed = trainer(tmp_path / "killed", tied=tied, name="renamed").train()
    assert renamed.resumed_at == 6, "how a voice is called is no other training"
    with pytest.raises(UsageError, match="another configuration"):
        trainer(tmp_path / "killed", tied=tied, seed=1).train()


def test_weights_are_averaged_over_steps_also_where_the_training_was_killed(tmp_path: Path) -> None:
    """The mean of the weights after steps 3 and 5, of which the kill after step 4 knows one."""
    settings: dict[str, Any] = {"average": {"since": 3, "every": 2}}
    seen: list[list[torch.Tensor]] = []
    made = trainer(tmp_path / "whole", **settings)
    made.train(lambda _: seen.append([one.detach().clone() for one in made._parts.parameters]))
    wanted = [(third + fifth) / 2 for third, fifth in zip(seen[2], seen[4], strict=True)]
    assert all(one.allclose(mean, atol=1e-6) for one, mean in zip(made._parts.parameters, wanted, strict=True))
    assert not any(one.equal(last) for one, last in zip(made._parts.parameters, seen[-1], strict=True))

    def kill(progress: Progress) -> None:
        if progress.step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        trainer(tmp_path / "killed", **settings).train(kill)
    assert trainer(tmp_path / "killed", **settings).train().resumed_at == 4
    weights = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1], "to the last bit"
    manifest = AdapterManifest.model_validate_json((tmp_path / "whole" / MANIFEST_FILE).read_text())
    assert (manifest.training["kept"], manifest.training["averaged_steps"]) == ("average", 2)
    again = trainer(tmp_path / "killed", average={"since": 3, "every": 2}).train()
    assert again.resumed_at == 6, "what is finished is written again, not trained"
    with pytest.raises(UsageError, match="another configuration"):
        trainer(tmp_path / "killed", average={"since": 2}).train()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"average": {"since": 7}}, "average.since is 7, and there are 6 steps"),
        ({"anchor": {"keep": "average"}}, "say of which steps"),
    ],
)
def test_an_average_of_nothing_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config(**settings)


def test_what_is_written_is_a_voice_that_is_closer_to_its_people(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "steps": 40,
        "questions": 2,
        "learning_rate": 0.01,
        "identity": {"learning_rate": 0.05},
        "save_every": 40,
    }
    made = trainer(tmp_path / "one", **settings)
    made.train()
    losses = [loss for _, loss in curve(tmp_path / "one")]
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])
    manifest = AdapterManifest.model_validate_json((tmp_path / "one" / MANIFEST_FILE).read_text())
    assert manifest.training["split"]["held_out_peoples"] == [one.id for one in SURVEY.collectives[4:]]
    # Polled as any voice is, by an engine that never saw the training.
    spoken = way(f"adapter:{tmp_path / 'one'}")
    engine = tiny_models.engine(tiny_models.model("llama", max_position_embeddings=4096), digest="0")
    question = SURVEY.question("trust-neighbours")
    order = orders(question, 1)[0]
    answers = []
    for people in (*SURVEY.collectives[:4], SURVEY.collectives[10], None):
        request = Voice(spoken, people, Library(SURVEY)).ask(question, order, Labels.NUMBER)
        [scores] = engine.score([request])
        answers.append(tuple(round(value, 4) for value in scores.logprobs))
    assert len(set(answers[:4])) == 4, "each trained people answers for itself"
    assert answers[4] == answers[5], "one of another region, held out, speaks as nobody in particular"


def test_only_rows_are_trained_where_no_lora_is_asked_for(tmp_path: Path) -> None:
    made = trainer(tmp_path / "rows", lora=None, steps=2)
    before = {name: one.clone() for name, one in made._parts.model.named_parameters() if not name.endswith("rows")}
    made.train()
    changed = [
        name for name, one in made._parts.model.named_parameters() if name in before and not one.equal(before[name])
    ]
    assert changed == []
    assert json.loads((tmp_path / "rows" / "adapter_config.json").read_text())["peft_type"] == "TRAINABLE_TOKENS"
    engine = tiny_models.engine(tiny_models.model("llama", max_position_embeddings=4096), digest="0")
    request = Voice(way(f"adapter:{tmp_path / 'rows'}"), SURVEY.collectives[0], Library(SURVEY)).ask(
        SURVEY.questions[0], (0, 1, 2, 3), Labels.NUMBER
    )
    assert len(engine.score([request])) == 1


def test_by_name_without_tokens(tmp_path: Path) -> None:
    trainer(tmp_path / "named", identity=None, asked="persona-last", peoples=2, steps=2).train()
    found = way(f"adapter:{tmp_path / 'named'}")
    assert (found.strategy.name, found.groups) == ("persona-last", None)


def test_the_survey_in_the_loop_steers(tmp_path: Path) -> None:
    anchor = {"every": 1, "share": 0.1, "peoples": 2}
    seen: list[Progress] = []
    wild: Any = {"anchor": {**anchor, "patience": 1}, "learning_rate": 0.5, "steps": 40, "save_every": 40}
    made = trainer(tmp_path / "a", **wild)
    stopped = made.train(seen.append)
    assert "has not fallen for 1 polls" in stopped.stopped
    assert stopped.steps < 40
    assert all(one.reading is not None and 0 <= one.reading.distance <= 1 for one in seen)
    assert stopped.best is not None
    assert stopped.best.distance == min(one.reading.distance for one in seen if one.reading)
    again = trainer(
        tmp_path / "a", anchor={**anchor, "patience": 1}, learning_rate=0.5, steps=40, save_every=40
    ).train()
    assert again.best == stopped.best, "a training that stopped early does not go on"
    narrow = trainer(tmp_path / "b", anchor={**anchor, "entropy_ratio": [0.999, 1.0]}).train()
    assert "has left the range from 0.999 to 1.0" in narrow.stopped
    low = trainer(tmp_path / "c", anchor={**anchor, "skill": 0.999}).train()
    assert "has fallen below 0.999" in low.stopped


def test_mistakes_take_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"lora\.targets nowhere"):
        trainer(tmp_path / "a", lora={"targets": ["nowhere"]})
    made = config()
    with pytest.raises(UsageError, match="does not run in this process"):
        DistributionalTrainer(made, learned(made), scripted("uniform"), tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    made_trainer = trainer(tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr("torch.save", full)
        with pytest.raises(InterruptedRunError, match="No space left"):
            made_trainer.train()

    def short(*_: Any, **__: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(distributional, "option_probabilities", short)
        with pytest.raises(ModelError, match="out of memory while training: lower `peoples`"):
            trainer(tmp_path / "c").train()
