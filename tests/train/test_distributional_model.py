"""A few steps on a real model bring its answers closer to the people it was shown, and the adapter alone says them."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("peft")

from pluralign.engines.open import open_engine
from pluralign.metrics.distances import wasserstein
from pluralign.poll.heard import probabilities
from pluralign.prompts.options import Labels, orders
from pluralign.surveys import load
from pluralign.train.distributional import DistributionalTrainer
from pluralign.train.distributional_config import DistributionalConfig
from pluralign.train.learned import learned
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice
from pluralign.voices.way import Way, way

pytestmark = [
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are trying to modify a model with PEFT for a second time"),
]
SURVEY = load("world-mini")
LEARNED = ("religion-matters", "trust-neighbours", "belief-god")
PEOPLES = ("USA", "CHN", "KEN")


def distance(asked: Way) -> float:
    """Mean over learned questions, peoples and two orders."""
    engine = open_engine("smollm2", dtype="float32")
    found = []
    for people in PEOPLES:
        voice = Voice(asked, SURVEY.collective(people), Library(SURVEY))
        for question in (SURVEY.question(one) for one in LEARNED):
            both = orders(question, 2)
            scores = engine.score([voice.ask(question, order, Labels.NUMBER) for order in both])
            shares = [share for one in scores if (share := probabilities(one)) is not None]
            said = np.mean(shares, axis=0)
            reference = SURVEY.reference(people, question.id)
            assert reference is not None
            found.append(wasserstein(said, reference.array))
    return float(np.mean(found))


def test_a_few_steps_bring_answers_closer_to_the_people(tmp_path: Path) -> None:
    config = DistributionalConfig.model_validate(
        {
            "model": "smollm2",
            "learn_from": [{"survey": "world-mini"}],
            "held_out": {
                "questions": [one.id for one in SURVEY.questions if one.id not in LEARNED],
                "collectives": [one.id for one in SURVEY.collectives if one.id not in PEOPLES],
            },
            "anchor": None,
            "questions": 1,
            "steps": 12,
            "warmup": 2,
            "learning_rate": 0.001,
            "save_every": 12,
        }
    )
    DistributionalTrainer(config, learned(config), open_engine("smollm2", dtype="float32"), tmp_path).train()
    before, after = distance(way("persona")), distance(way(f"adapter:{tmp_path}"))
    assert after < 0.9 * before, f"{before:.3f} before, {after:.3f} after"
