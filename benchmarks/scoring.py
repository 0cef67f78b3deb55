"""Exact option scores: how fast, next to what a user would take instead. ``python -m benchmarks.scoring --lm-eval``

SmolLM2-135M in float32 answers a fixed sample of survey questions under the persona voice of 18 countries. Compared
in one run, in turns, on the same prompts:

- the machine: a product of matrices of the model's own shapes, the rate nothing can beat;
- ours: the prefix scheduler;
- padded: the same model, prompts in padded batches of 16, nothing shared;
- lm-eval 0.4.13 (``--lm-eval``): its ``hf`` backend, batch 16, in an environment of its own; options by label and by
  wording, in one order and in four balanced ones;
- the procedure of CultureSPA: replies written at temperature 0.6, in three runs;
- the people named after the question (``persona-last``) beside the persona before it, in speed and in answers;
- self-alignment prompts whose examples are laid out to be shared, beside the most alike first.

Ratios of times taken side by side are what to read; rates depend on the machine and on who else uses it.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.peers import LmEval, culturespa
from benchmarks.sample import Prompt, bundled, prompts, requests, spread
from pluralign.core.question import Question
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.checkpoints import find_model
from pluralign.engines.local import LocalEngine
from pluralign.engines.open import open_engine
from pluralign.metrics.distances import total_variation, wasserstein_on
from pluralign.poll.heard import probabilities

Clock = Callable[[], float]
SETTINGS: dict[str, dict[str, Any]] = {
    "labels, 1 order": {"peoples": 18},
    "labels, 4 orders": {"peoples": 4, "order_count": 4},
    "wordings, 1 order": {"peoples": 4, "wordings": True},
    "wordings, 4 orders": {"peoples": 1, "order_count": 4, "wordings": True},
}
"""What is compared with lm-eval. Fewer of the 18 peoples where it would take long: peoples share nothing with one
another, so the ratio does not depend on how many there are."""


class Timing(NamedTuple):
    seconds: float
    scores: list[OptionScores]


def matrix_rate(engine: LocalEngine, now: Clock, seconds: float = 2.0) -> float:
    """Floating-point operations per second of the model's own linear layers, on a block of random numbers."""
    layers = [module for module in engine.model.modules() if isinstance(module, torch.nn.Linear)]
    shapes = [layer.weight.shape for layer in layers if layer.weight.shape[0] != engine.model.config.vocab_size]
    weights = [torch.randn(shape) for shape in sorted(set(shapes))]
    counts = [shapes.count(weight.shape) for weight in weights]
    inputs = [torch.randn(engine.block, weight.shape[1]) for weight in weights]
    operations = 0
    with torch.inference_mode():
        begin = now()
        while (taken := now() - begin) < seconds:
            for weight, count, values in zip(weights, counts, inputs, strict=True):
                for _ in range(count):
                    torch.nn.functional.linear(values, weight)
                operations += 2 * count * weight.numel() * engine.block
    return operations / taken


def linear_weights(engine: LocalEngine) -> int:
    """Weights that every token passes through, the projection to the vocabulary left out."""
    return sum(
        module.weight.numel()
        for module in engine.model.modules()
        if isinstance(module, torch.nn.Linear) and module.weight.shape[0] != engine.model.config.vocab_size
    )


def timed(engine: LocalEngine, asked: Sequence[ScoreRequest], now: Clock) -> Timing:
    begin = now()
    plan = engine.plan(asked)
    scores: list[OptionScores | None] = [None] * len(asked)
    for batch in plan.batches:
        for at, found in zip(batch, engine.score([asked[at] for at in batch]), strict=True):
            scores[at] = found
    return Timing(now() - begin, [found for found in scores if found])


def peak_memory() -> float | None:
    """Highest resident memory in MB since :func:`forget_peak`; ``None`` where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def flat(scores: Sequence[OptionScores]) -> list[float]:
    return [value for answer in scores for forms in answer.forms for value in forms]


def largest_difference(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(left - right) for left, right in zip(one, other, strict=True))


def machine(engine: LocalEngine, asked: Sequence[ScoreRequest], now: Clock, rounds: int) -> dict[str, Any]:
    """Ours beside the machine's own rate and beside padded batches; the median of ``rounds``."""
    padded = LocalEngine(engine.model, engine.renderer, name="padded", digest="", method="padded")
    plan = engine.plan(asked)
    operations = 2 * linear_weights(engine) * plan.computed_tokens
    taken, rates, shares, ratios, difference = [], [], [], [], 0.0
    for _ in range(rounds):
        rate = matrix_rate(engine, now)
        ours = timed(engine, asked, now)
        rate = (rate + matrix_rate(engine, now)) / 2
        theirs = timed(padded, asked, now)
        taken.append(ours.seconds)
        rates.append(rate)
        shares.append(operations / ours.seconds / rate)
        ratios.append(theirs.seconds / ours.seconds)
        difference = max(difference, largest_difference(flat(ours.scores), flat(theirs.scores)))
    seconds = statistics.median(taken)
    return {
        "prompts": len(asked),
        "prompt_tokens": plan.prompt_tokens,
        "unique_tokens": plan.unique_tokens,
        "computed_per_unique": plan.computed_tokens / plan.unique_tokens,
        "matrix_gflops": statistics.median(rates) / 1e9,
        "share_of_matrix_rate": statistics.median(shares),
        "computed_tokens_per_second": plan.computed_tokens / seconds,
        "answers_per_second": len(asked) / seconds,
        "times_padded": statistics.median(ratios),
        "largest_difference_from_padded": difference,
    }


def beside_lm_eval(
    engine: LocalEngine, other: LmEval, questions: int, now: Clock, rounds: int
) -> dict[str, dict[str, float]]:
    """Per setting how many times as many answers a second as lm-eval, in turns; the median of ``rounds``."""
    found = {}
    for name, setting in SETTINGS.items():
        asked = requests(prompts(questions=questions, **setting))
        plan = engine.plan(asked)
        ratios, difference = [], 0.0
        for _ in range(rounds):
            ours = timed(engine, asked, now)
            theirs = other.score(engine, asked)
            ratios.append(theirs.seconds / ours.seconds)
            difference = max(difference, largest_difference(flat(ours.scores), theirs.logprobs))
        found[name] = {
            "prompts": len(asked),
            "times_lm_eval": statistics.median(ratios),
            "prompt_tokens_per_unique": plan.prompt_tokens / plan.unique_tokens,
            "largest_difference": difference,
        }
    return found


def beside_generation(engine: LocalEngine, asked: Sequence[ScoreRequest], sample: int, now: Clock) -> dict[str, Any]:
    """How many times as fast as three sampled replies; these on ``sample`` of the prompts, evenly spread."""
    few = [asked[at * len(asked) // sample] for at in range(sample)]
    written = culturespa(engine, few, now)
    ours = timed(engine, asked, now)
    return {
        "prompts": sample,
        "times_culturespa": (written.seconds / sample) / (ours.seconds / len(asked)),
        "tokens_per_reply": written.tokens / len(written.replies),
    }


def apart(one: Sequence[OptionScores], other: Sequence[OptionScores]) -> float:
    """Mean total variation between two ways of asking the same, in [0, 1]."""
    return statistics.fmean(
        total_variation(left, right)
        for left, right in zip(map(probabilities, one), map(probabilities, other), strict=True)
        if left is not None and right is not None
    )


def from_people(asked: Sequence[Prompt], scores: Sequence[OptionScores]) -> float:
    """Mean Wasserstein distance (total variation on unordered questions) from the people's answers, in [0, 1]."""
    survey, distances = bundled(), []
    for prompt, answer in zip(asked, scores, strict=True):
        reference, shares = survey.reference(prompt.people, prompt.question.id), probabilities(answer)
        if reference is not None and shares is not None:
            distances.append(_distance(prompt.question, shares, reference.probabilities))
    return statistics.fmean(distances)


def _distance(question: Question, one: Any, other: Any) -> float:
    ordered = wasserstein_on(question, one, other)
    return total_variation(one, other) if ordered is None else ordered


def two_ways(
    engine: LocalEngine, one: Sequence[Prompt], other: Sequence[Prompt], now: Clock, rounds: int
) -> dict[str, float]:
    """The second way of asking the same questions beside the first: tokens, time and answers."""
    ratios = []
    for _ in range(rounds):
        first, second = timed(engine, requests(one), now), timed(engine, requests(other), now)
        ratios.append(first.seconds / second.seconds)
    tokens = [engine.plan(requests(asked)).computed_tokens for asked in (one, other)]
    return {
        "prompts": len(other),
        "times_as_fast": statistics.median(ratios),
        "computed_tokens_first": tokens[0],
        "computed_tokens_second": tokens[1],
        "total_variation_between": apart(first.scores, second.scores),
        "distance_from_people_first": from_people(one, first.scores),
        "distance_from_people_second": from_people(other, second.scores),
    }


def memory(engine: LocalEngine, questions: int, now: Clock) -> dict[int, float | None]:
    """Prompts -> peak memory in MB, for a survey and for one four times as large."""
    found = {}
    for factor in (1, 4):
        asked = requests(prompts(questions=max(1, questions * factor // 4), peoples=9))
        forget_peak()
        timed(engine, asked, now)
        found[len(asked)] = peak_memory()
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=8, help="questions per country")
    parser.add_argument("--repeats", type=int, default=1, help="rounds; the median counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: processor seconds, with one thread, for machines that others use at the same time",
    )
    parser.add_argument("--lm-eval", action="store_true", help="compare with lm-eval, installed by itself")
    parser.add_argument("--generated", type=int, default=6, help="prompts that CultureSPA's procedure answers")
    parser.add_argument("--environment", type=Path, default=Path(".benchmarks/lm-eval"), help="where lm-eval goes")
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    options = parser.parse_args(arguments)
    threads = 1 if options.clock == "cpu" else options.threads
    now = time.process_time if options.clock == "cpu" else time.perf_counter

    engine: Any = open_engine("smollm2", dtype="float32", device="cpu", threads=threads)
    personas = prompts(questions=options.questions)
    engine.score(requests(personas)[:8])

    result: dict[str, Any] = {"threads": threads, "clock": options.clock}
    _show("ours", {**result, **machine(engine, requests(personas), now, options.repeats)}, result)
    _show("peak_mb_by_prompts", memory(engine, options.questions, now), result)
    last = prompts("persona-last", questions=options.questions)
    _show("persona, then persona-last", two_ways(engine, personas, last, now, options.repeats), result)
    layouts = [prompts("self-alignment", questions=77, peoples=1, examples=order) for order in ("nearest", "shared")]
    few = {question.id for question in spread(bundled().questions, 77)[: 3 * options.questions]}
    nearest, shared = ([one for one in layout if one.question.id in few] for layout in layouts)
    tokens = [engine.plan(requests(layout)).computed_tokens for layout in layouts]
    compared = two_ways(engine, nearest, shared, now, options.repeats)
    whole = {"computed_tokens_whole_survey": tokens[1], "over_most_alike_first": tokens[1] / tokens[0]}
    _show("self-alignment, most alike first, then shared", compared | whole, result)
    _show(
        "CultureSPA, three sampled replies",
        beside_generation(engine, requests(personas), options.generated, now),
        result,
    )
    if options.lm_eval:
        options.environment.mkdir(parents=True, exist_ok=True)
        folder = find_model("smollm2").folder
        other = LmEval(folder, options.environment, threads=threads, clock=options.clock)
        for name, numbers in beside_lm_eval(engine, other, options.questions, now, options.repeats).items():
            _show(f"lm-eval, {name}", numbers, result)
        other.close()
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return result


def _show(name: str, numbers: dict[Any, Any], into: dict[str, Any]) -> None:
    """Print what was measured as soon as it is there."""
    into[name] = numbers
    print(f"\n{name}")
    for key, value in numbers.items():
        print(f"  {key!s:32} {value:.4g}" if isinstance(value, float) else f"  {key!s:32} {value}", flush=True)


if __name__ == "__main__":
    main()
