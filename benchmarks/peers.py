"""What a user would take instead of ours, run on the same prompts: lm-eval, and the procedure of CultureSPA.

lm-eval 0.4.13 lives in an environment of its own and in a process of its own, which scores whatever list of (context,
continuation) it is pointed to: the very calls that its task type ``multiple_choice`` makes, without the time it takes
to read a task. Where continuations are one token long and share a context (options by label) it reads a prompt once;
where they are longer (options by wording) it reads the prompt once per option.
"""

import json
import subprocess
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import LocalEngine

LM_EVAL = "lm-eval==0.4.13"
SCRIPT = """
import json, sys, time
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

folder, threads, clock = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
now = time.process_time if clock == "cpu" else time.perf_counter
model = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=16)
def run(pairs):
    requests = [Instance("loglikelihood", {}, tuple(pair), at) for at, pair in enumerate(pairs)]
    begin = now()
    answers = model.loglikelihood(requests, disable_tqdm=True)
    return now() - begin, [float(answer[0]) for answer in answers]
run([["What is one and one?", " two"], ["What is one and one?", " not two"]])
for line in sys.stdin:
    seconds, answers = run(json.load(open(line.strip())))
    print(json.dumps({"seconds": seconds, "answers": answers}), flush=True)
"""


class Scored(NamedTuple):
    """What lm-eval took, and what it found."""

    seconds: float
    logprobs: list[float]
    """Per request and option, in order."""


class LmEval:
    """A running lm-eval with the model loaded. Installs it first if need be."""

    def __init__(self, folder: Path, environment: Path, *, threads: int, clock: str):
        python = environment / "bin" / "python"
        if not (environment / "bin" / "lm-eval").exists():
            venv.create(environment, with_pip=True)
            constraints = Path(__file__).parent.parent / "constraints.txt"
            packages = ["torch", "transformers", "accelerate", LM_EVAL]
            subprocess.run([str(python), "-m", "pip", "install", "-q", "-c", str(constraints), *packages], check=True)
        self._tasks = environment / "pairs.json"
        self._process: Any = subprocess.Popen(
            [python, "-c", SCRIPT, folder, str(threads), clock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def score(self, engine: LocalEngine, requests: Sequence[ScoreRequest]) -> Scored:
        """Its own batches of 16, sorted by length as it does."""
        pairs = [
            (engine.renderer.text(request.messages), form)
            for request in requests
            for forms in request.options
            for form in forms
        ]
        self._tasks.write_text(json.dumps(pairs))
        self._process.stdin.write(f"{self._tasks}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("{"):
                answer = json.loads(line)
                return Scored(answer["seconds"], answer["answers"])
        raise RuntimeError("lm-eval stopped without an answer")

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


class Generated(NamedTuple):
    """Replies written as CultureSPA (arXiv 2410.12971) has them written."""

    seconds: float
    replies: list[str]
    tokens: int
    """Written, over all replies."""


def culturespa(
    engine: LocalEngine, requests: Sequence[ScoreRequest], now: Callable[[], float], *, runs: int = 3
) -> Generated:
    """Every prompt generated one at a time, temperature 0.6, top-p 0.9, at most 256 new tokens, in ``runs`` runs."""
    replies, tokens = [], 0
    begin = now()
    for run in range(runs):
        torch.manual_seed(42 - run)
        for request in requests:
            ids = torch.tensor([engine.renderer.tokens(engine.renderer.text(request.messages))])
            with torch.inference_mode():
                written = engine.model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=True,
                    temperature=0.6,
                    top_p=0.9,
                    max_new_tokens=256,
                    pad_token_id=engine.renderer.tokenizer.eos_token_id,
                )[0, ids.shape[1] :]
            tokens += len(written)
            replies.append(engine.renderer.tokenizer.decode(written, skip_special_tokens=True))
    return Generated(now() - begin, replies, tokens)
