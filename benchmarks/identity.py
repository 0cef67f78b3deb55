"""Identity tokens late or early: training examples per second, and how close voices come after as many examples.

    python -m benchmarks.identity [--steps N] [--rounds N]

A late token stands right before the reply, so that all peoples share the question; an early one stands before
everything, so that each people's prompt is read by itself. Both are timed in turns, forward and backward, on the same
questions of the bundled survey with all its peoples, in processor time. With ``--steps`` both are trained that far from
the same seed, with four peoples per question, and polled on the same validation questions.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from pluralign.engines.open import open_engine
from pluralign.train.distributional import DistributionalTrainer
from pluralign.train.distributional_config import DistributionalConfig
from pluralign.train.learned import learned

ROUNDS = 3
PLACEMENTS = ("late", "early")


def config(placement: str, **settings: object) -> DistributionalConfig:
    """A training on the bundled survey with the token in that place."""
    return DistributionalConfig.model_validate(
        {
            "model": "smollm2",
            "learn_from": [{"survey": "world-mini"}],
            "identity": {"placement": placement, "dropout": 0},
            "questions": 1,
            **settings,
        }
    )


def trainer(made: DistributionalConfig, folder: Path) -> DistributionalTrainer:
    """A fresh base model, ready to be trained."""
    folder.mkdir()
    return DistributionalTrainer(made, learned(made), open_engine(made.model, dtype="float32"), folder)


def time_both(folder: Path, rounds: int) -> None:
    """Steps of both in turns, the first of each to warm up."""
    both = {one: trainer(config(one, anchor=None), folder / one) for one in PLACEMENTS}
    speeds: dict[str, list[float]] = {one: [] for one in PLACEMENTS}
    for at in range(rounds + 1):
        for one, made in both.items():
            examples, started = made.examples, time.process_time()
            made.step(at + 1)
            if at:
                speeds[one].append((made.examples - examples) / (time.process_time() - started))
    late, early = (float(np.mean(speeds[one])) for one in PLACEMENTS)
    print(f"{torch.get_num_threads()} threads, 18 peoples and nobody in particular, one question a step")
    print(f"late:  {late:6.2f} examples per second of processor time")
    print(f"early: {early:6.2f}")
    ratios = np.array(speeds["late"]) / np.array(speeds["early"])
    print(f"late is {ratios.mean():.1f} times as fast ({ratios.min():.1f} to {ratios.max():.1f} in {rounds} rounds)")


def main() -> None:
    """Measure, and print what was found."""
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=0)
    options.add_argument("--rounds", type=int, default=ROUNDS, help="of timing; 0: only train")
    given = options.parse_args()
    steps = given.steps
    with tempfile.TemporaryDirectory() as folder:
        if given.rounds:
            time_both(Path(folder), given.rounds)
        for one in PLACEMENTS if steps else ():
            anchor = {"every": steps, "share": 0.15, "peoples": 4}
            started = time.process_time()
            made = trainer(config(one, steps=steps, peoples=4, anchor=anchor), Path(folder) / f"trained-{one}")
            found = made.train()
            seconds = time.process_time() - started
            assert found.best is not None, "polled at the last step"
            print(
                f"{one}: after {steps} questions of 4 peoples, distance {found.best.distance:.3f}, entropy ratio "
                f"{found.best.entropy_ratio or float('nan'):.2f}; {seconds:.0f} s of processor time"
            )


if __name__ == "__main__":
    main()
