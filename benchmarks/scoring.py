"""Exact option scores: how fast, next to what a user would take instead. ``python -m benchmarks.scoring --lm-eval``

SmolLM2-135M in float32 answers a fixed sample of survey questions under the persona voice of 18 countries. Compared
in one process, in turns, on the same prompts:

- the machine: a product of matrices of the model's own shapes, the rate nothing can beat;
- ours: the prefix scheduler;
- padded: the same model, prompts in padded batches of 16, nothing shared;
- lm-eval 0.4.13 (``--lm-eval``): its ``hf`` backend, batch 16, in an environment of its own.

Ratios of times taken side by side are what to read; rates depend on the machine and on who else uses it.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pluralign import surveys
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.checkpoints import find_model
from pluralign.engines.local import LocalEngine
from pluralign.engines.open import open_engine
from pluralign.prompts import strategies
from pluralign.prompts.options import show

LM_EVAL = "lm-eval==0.4.13"
LM_EVAL_SCRIPT = """
import json, sys, time
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

folder, tasks, threads, clock, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
torch.set_num_threads(threads)
now = time.process_time if clock == "cpu" else time.perf_counter
model = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=16)
pairs = json.load(open(tasks))
def run(pairs):
    requests = [Instance("loglikelihood", {}, tuple(pair), at) for at, pair in enumerate(pairs)]
    begin = now()
    answers = model.loglikelihood(requests, disable_tqdm=True)
    return now() - begin, [float(answer[0]) for answer in answers]
run(pairs[:32])
for _ in range(repeats):
    sys.stdin.readline()
    seconds, answers = run(pairs)
    print(json.dumps({"seconds": seconds, "answers": answers}), flush=True)
"""


class Timing(NamedTuple):
    seconds: float
    scores: list[OptionScores]


def persona_requests(questions: int, countries: int = 18, wordings: bool = False) -> list[ScoreRequest]:
    """A fixed sample of the bundled survey, country by country; options by label or by wording, one form each."""
    survey = surveys.load("world-mini")
    chosen = survey.questions[:: max(1, len(survey.questions) // questions)][:questions]
    persona = strategies.strategy("persona")
    requests = []
    for collective in survey.collectives[:countries]:
        for question in chosen:
            shown = show(question)
            messages = persona.messages(shown, strategies.Context(collective))
            texts = [option.text for option in question.options] if wordings else [forms[0] for forms in shown.forms]
            requests.append(ScoreRequest(messages, tuple((text,) for text in texts)))
    return requests


def matrix_rate(engine: LocalEngine, now: Callable[[], float], seconds: float = 2.0) -> float:
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


def timed(engine: LocalEngine, requests: Sequence[ScoreRequest], now: Callable[[], float]) -> Timing:
    begin = now()
    plan = engine.plan(requests)
    scores: list[OptionScores | None] = [None] * len(requests)
    for batch in plan.batches:
        for at, found in zip(batch, engine.score([requests[at] for at in batch]), strict=True):
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


def start_lm_eval(folder: Path, environment: Path, pairs: Path, threads: int, clock: str, repeats: int) -> Any:
    """A running lm-eval that scores once per line it is sent. Installs it first if need be."""
    python = environment / "bin" / "python"
    if not (environment / "bin" / "lm-eval").exists():
        venv.create(environment, with_pip=True)
        constraints = Path(__file__).parent.parent / "constraints.txt"
        packages = ["torch", "transformers", "accelerate", LM_EVAL]
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-c", str(constraints), *packages], check=True)
    return subprocess.Popen(
        [python, "-c", LM_EVAL_SCRIPT, folder, pairs, str(threads), clock, str(repeats)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ask_lm_eval(process: Any) -> dict[str, Any]:
    process.stdin.write("\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    raise RuntimeError("lm-eval stopped without an answer")


def flat(scores: Sequence[OptionScores]) -> list[float]:
    return [value for answer in scores for forms in answer.forms for value in forms]


def largest_difference(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(left - right) for left, right in zip(one, other, strict=True))


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=8, help="questions per country")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: processor seconds, with one thread, for machines that others use at the same time",
    )
    parser.add_argument(
        "--options",
        choices=("labels", "wordings"),
        default="labels",
        help="what is scored: the number of an option, which lm-eval reads off one pass per prompt as we do, or its "
        "whole wording, for which lm-eval reads the prompt once per option",
    )
    parser.add_argument("--lm-eval", action="store_true", help="compare with lm-eval, installed by itself")
    parser.add_argument("--environment", type=Path, default=Path(".benchmarks/lm-eval"), help="where to install it")
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    options = parser.parse_args(arguments)
    threads = 1 if options.clock == "cpu" else options.threads
    now = time.process_time if options.clock == "cpu" else time.perf_counter

    engine: Any = open_engine("smollm2", dtype="float32", device="cpu", threads=threads)
    plain = LocalEngine(engine.model, engine.renderer, name="padded", digest="", method="padded")
    requests = persona_requests(options.questions, wordings=options.options == "wordings")
    plan = engine.plan(requests)
    operations = 2 * linear_weights(engine) * plan.computed_tokens

    other = None
    if options.lm_eval:
        pairs = [
            (engine.renderer.text(request.messages), form)
            for request in requests
            for forms in request.options
            for form in forms
        ]
        options.environment.mkdir(parents=True, exist_ok=True)
        tasks = options.environment / "pairs.json"
        tasks.write_text(json.dumps(pairs))
        folder = find_model("smollm2").folder
        other = start_lm_eval(folder, options.environment, tasks, threads, options.clock, options.repeats)

    engine.score(requests[:8])
    rounds: list[dict[str, float]] = []
    differences = {"padded": 0.0, "lm-eval": 0.0}
    for _ in range(options.repeats):
        rate = matrix_rate(engine, now)
        ours = timed(engine, requests, now)
        rate = (rate + matrix_rate(engine, now)) / 2
        padded = timed(plain, requests, now)
        times = {
            "share": operations / ours.seconds / rate,
            "rate": rate,
            "ours": ours.seconds,
            "padded": padded.seconds,
        }
        differences["padded"] = max(differences["padded"], largest_difference(flat(ours.scores), flat(padded.scores)))
        if other is not None:
            answer = ask_lm_eval(other)
            times["lm-eval"] = answer["seconds"]
            differences["lm-eval"] = max(
                differences["lm-eval"], largest_difference(flat(ours.scores), answer["answers"])
            )
        rounds.append(times)
        print(json.dumps({key: float(f"{value:.4g}") for key, value in times.items()}), file=sys.stderr)
    if other is not None:
        other.stdin.close()
        other.wait()

    memory = {}
    for factor in (1, 4):
        size = persona_requests(max(1, options.questions * factor // 4), countries=9)
        forget_peak()
        timed(engine, size, now)
        memory[len(size)] = peak_memory()

    def median(key: str) -> float:
        return statistics.median(times[key] for times in rounds)

    def ratio(key: str) -> float:
        return statistics.median(times[key] / times["ours"] for times in rounds)

    result: dict[str, Any] = {
        "options": options.options,
        "prompts": len(requests),
        "prompt_tokens": plan.prompt_tokens,
        "unique_tokens": plan.unique_tokens,
        "computed_per_unique": plan.computed_tokens / plan.unique_tokens,
        "threads": threads,
        "clock": options.clock,
        "matrix_gflops": median("rate") / 1e9,
        "share_of_matrix_rate": median("share"),
        "computed_tokens_per_second": plan.computed_tokens / median("ours"),
        "answers_per_second": len(requests) / median("ours"),
        "times_padded": ratio("padded"),
        "largest_difference_from_padded": differences["padded"],
        "peak_mb_by_prompts": memory,
    }
    if options.lm_eval:
        result["times_lm_eval"] = ratio("lm-eval")
        result["largest_difference_from_lm_eval"] = differences["lm-eval"]
    for key, value in result.items():
        print(f"{key:28} {value:.4g}" if isinstance(value, float) else f"{key:28} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    assert math.isfinite(main()["share_of_matrix_rate"])
