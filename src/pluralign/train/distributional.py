"""Trains voices toward the distributions of their peoples' answers. Knows no file but checkpoints and the history.

A step draws questions; each is laid out once, its collectives hanging on it as branches, and all their options are
scored in one pass, exactly as a poll scores them. Everything that decides a step is drawn from the seed and kept in
checkpoints, so a run that was killed goes on as if nothing had happened.
"""

import contextlib
import json
import math
import random
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pluralign import __version__
from pluralign.core.adapter import MANIFEST_FILE, AdapterManifest
from pluralign.core.collective import Collective
from pluralign.core.errors import InterruptedRunError, ModelError, UsageError
from pluralign.core.ids import content_hash
from pluralign.engines.base import Engine, ScoreRequest
from pluralign.engines.local import LocalEngine
from pluralign.engines.quiet import quiet
from pluralign.prompts.options import orders
from pluralign.prompts.strategies import strategy
from pluralign.train.anchor import AnchorSurvey, Reading, best_of, reason_to_stop
from pluralign.train.distributional_config import Average, DistributionalConfig
from pluralign.train.identity import Taught, save_tokens, speak_through_others, teach_tokens
from pluralign.train.kept_stems import KeptStems
from pluralign.train.learned import Figure, Learned
from pluralign.train.losses import losses
from pluralign.train.mirrored import mirrored
from pluralign.train.option_tree import Laid, lay_out, option_probabilities
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice
from pluralign.voices.way import Way

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.jsonl"
SAME = 1e-4
"""Most by which a probability may differ where the work of frozen layers is kept."""
FLOOR_OF_RATE = 0.05
"""The learning rate falls to this share of its greatest."""


class Progress(NamedTuple):
    """How far a training has come."""

    step: int
    steps: int
    loss: float
    """Of this step."""
    reading: Reading | None
    """What the anchor survey found, where it was asked after this step."""


class Trained(NamedTuple):
    """What came of a training."""

    folder: Path
    steps: int
    stopped: str
    """Why it stopped early; empty if it did not."""
    best: Reading | None
    resumed_at: int


class _Parts(NamedTuple):
    model: Any
    taught: Taught | None
    lora: list[torch.nn.Parameter]
    rows: list[torch.nn.Parameter]

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        return [*self.lora, *self.rows]


class _Mean:
    """The mean of weights over steps, kept as it grows: what is added is weighed as its count says."""

    def __init__(self, parameters: list[torch.nn.Parameter]):
        self._parameters = parameters
        self.count = 0
        self.weights: list[torch.Tensor] = []

    def add(self) -> None:
        """Count the weights as they are now."""
        now = [one.detach().clone() for one in self._parameters]
        self.count += 1
        if self.count == 1:
            self.weights = now
        for mean, one in zip(self.weights, now, strict=True):
            mean += (one - mean) / self.count


class DistributionalTrainer:
    """One training, from its configuration to an adapter's folder."""

    def __init__(self, config: DistributionalConfig, data: Learned, engine: Engine, folder: Path):
        """``engine``: the bare base model, whose weights stay as they are; ``folder``: where the adapter will lie."""
        self.config, self.data, self.folder = config, data, folder
        if not isinstance(engine, LocalEngine):
            raise UsageError(f"{engine.name!r} does not run in this process, so it cannot be trained")
        self._digest = str(engine.describe()["digest"])
        torch.manual_seed(config.seed)
        self._parts = _make_trainable(config, data, engine)
        taught = self._parts.taught
        self._renderer = engine.renderer if taught is None else taught.renderer
        self._way = Way(
            config.name, config.name, config.summary, strategy(config.asked), groups=taught.groups if taught else None
        )
        self._library = Library(data.survey)
        self._engine = LocalEngine(
            self._parts.model, self._renderer, name=config.name, digest="in training", method="tree"
        )
        self._draw = random.Random(f"distributional/{config.seed}")
        self._queue: list[int] = []
        self._optimiser = torch.optim.AdamW(
            [
                {"params": self._parts.lora, "lr": config.learning_rate, "full": config.learning_rate},
                *(
                    [{"params": self._parts.rows, "full": config.identity.learning_rate}]
                    if config.identity is not None
                    else []
                ),
            ],
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=0.0,
        )
        self._anchor = _anchor(config, data, self._way)
        frozen = _frozen_layers(config, self._parts.model)
        self._stems = KeptStems(self._parts.model, frozen) if frozen and KeptStems.fits(self._parts.model) else None
        self._stems_trusted = False
        self._readings: list[Reading] = []
        self._best_weights: list[torch.Tensor] = []
        self._mean = _Mean(self._parts.parameters)
        self._seconds = 0.0
        self._tokens = self.examples = 0
        """Questions times collectives that were learned from."""

    def train(self, on_progress: Callable[[Progress], None] = lambda _: None) -> Trained:
        """Train, or go on where an interrupted training stopped; writes the adapter.

        Raises :class:`InterruptedRunError` where the disk does not take a checkpoint, and :class:`ModelError` where
        memory is short.
        """
        config = self.config
        begun = self._resume()
        stopped = ""
        started = time.process_time()
        for step in range(begun + 1, config.steps + 1):
            loss, parts = self.step(step)
            if config.average is not None and _counts(step, config.average):
                self._mean.add()
            reading = None
            if self._anchor is not None and config.anchor is not None and step % config.anchor.every == 0:
                reading = self._poll()
                stopped = self._judge(reading)
            self._note(step, loss, parts, reading)
            on_progress(Progress(step, config.steps, loss, reading))
            if step % config.save_every == 0 or step == config.steps or stopped:
                now = time.process_time()
                self._seconds, started = self._seconds + now - started, now
                self._checkpoint(step, stopped)
            if stopped:
                break
        else:
            step = config.steps
        return self._finish(step, stopped, begun)

    # --- a step --------------------------------------------------------------------------------------------------

    def step(self, step: int) -> tuple[float, dict[str, float]]:
        """Learn from the next questions: loss and its parts. Raises :class:`ModelError` where memory is short."""
        config = self.config
        share = _rate(step, config.warmup, config.steps)
        for group in self._optimiser.param_groups:
            group["lr"] = group["full"] * share
        self._parts.model.train()
        total = 0.0
        sums = {"kl": 0.0, "wasserstein": 0.0, "shift": 0.0, "mass": 0.0}
        try:
            for _ in range(config.questions):
                requests, people, figure = self._next()
                laid = lay_out(self._renderer, requests)
                said = torch.stack(option_probabilities(self._parts.model, laid, self._kept_stems(laid)))
                found = losses(said, people.to(said.device), ordered=figure.question.scale.ordered)
                loss = found.total(config.loss) / config.questions
                loss.backward()  # type: ignore[no-untyped-call]
                total += float(loss.detach())
                for name in sums:
                    sums[name] += float(getattr(found, name).detach()) / config.questions
                self._tokens += laid.tokens
                self.examples += len(requests)
        except (torch.OutOfMemoryError, MemoryError):
            raise ModelError("out of memory while training: lower `peoples`, or train a smaller model") from None
        if not math.isfinite(total):
            raise ModelError(
                f"the loss is no longer a number at step {step}: lower learning_rate, now {config.learning_rate}; "
                "the last checkpoint is kept"
            )
        torch.nn.utils.clip_grad_norm_(self._parts.parameters, config.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return total, sums

    def _kept_stems(self, laid: Laid) -> KeptStems | None:
        """The work of frozen layers, where there are any and the model can be cut; found out at the first question."""
        if self._stems is None:
            return None
        if not self._stems_trusted:
            model = self._parts.model
            model.eval()
            with torch.no_grad():
                plain = option_probabilities(model, laid)
                cut = option_probabilities(model, laid, self._stems)
            model.train()
            worst = max(float((one - other).abs().max()) for one, other in zip(plain, cut, strict=True))
            self._stems_trusted = worst < SAME
            if not self._stems_trusted:
                self._stems = None
        return self._stems

    def _next(self) -> tuple[list[ScoreRequest], torch.Tensor, Figure]:
        """The next question, for whom, and what they answered."""
        config, draw = self.config, self._draw
        if not self._queue:
            figures = self.data.figures
            copies = [int(one.weight) + (draw.random() < one.weight % 1) for one in figures]
            self._queue = [at for at, count in enumerate(copies) for _ in range(count)]
            draw.shuffle(self._queue)
        figure = self.data.figures[self._queue.pop()]
        turned = mirrored(figure.question) if config.mirrored and draw.random() < 0.5 else None
        question, step = (figure.question, 1) if turned is None else (turned, -1)
        order = draw.choice(orders(question, config.orders, config.seed))
        speakers_: list[Collective | None] = []
        shares: list[tuple[float, ...]] = []
        known = {one.id for one in self.data.peoples}
        chosen = [at for at, one in enumerate(figure.peoples) if config.identity is None or one.id in known]
        if len(chosen) > config.peoples:
            chosen = sorted(draw.sample(chosen, config.peoples))
        for at in chosen:
            if config.identity is not None and draw.random() < config.identity.dropout:
                continue  # nobody's token says it too: with the mean of all, which is what it would learn from each
            speakers_.append(figure.peoples[at])
            shares.append(figure.shares[at][::step])
        if config.identity is not None or not speakers_:
            speakers_.append(None)
            shares.append(figure.mean[::step])
        requests = [
            Voice(self._way, speaker, self._library).ask(question, order, config.labels) for speaker in speakers_
        ]
        return requests, torch.tensor(shares, dtype=torch.float32), figure

    # --- the survey in the loop ----------------------------------------------------------------------------------

    def _poll(self) -> Reading:
        assert self._anchor is not None, "only asked where there is one"
        self._parts.model.eval()
        return self._anchor.read(self._engine)

    def _judge(self, reading: Reading) -> str:
        """Keep the best weights; say why to stop, or nothing."""
        self._readings.append(reading)
        if best_of(self._readings) == len(self._readings) - 1:
            self._best_weights = [one.detach().clone() for one in self._parts.parameters]
        return reason_to_stop(self._readings, self.config.anchor)

    # --- files ---------------------------------------------------------------------------------------------------

    def _note(self, step: int, loss: float, parts: dict[str, float], reading: Reading | None) -> None:
        line: dict[str, Any] = {"step": step, "loss": loss, **parts}
        if reading is not None:
            line |= reading.row()
        with (self.folder / HISTORY).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def _checkpoint(self, step: int, stopped: str) -> None:
        state = {
            "config": _what_is_computed(self.config),
            "step": step,
            "stopped": stopped,
            "parameters": [one.detach() for one in self._parts.parameters],
            "optimiser": self._optimiser.state_dict(),
            "draw": self._draw.getstate(),
            "torch": torch.get_rng_state(),
            "queue": self._queue,
            "readings": [tuple(one) for one in self._readings],
            "best": self._best_weights,
            "mean": (self._mean.count, self._mean.weights),
            "seconds": self._seconds,
            "tokens": self._tokens,
            "examples": self.examples,
        }
        place = self.folder / CHECKPOINT
        part = place.with_name(f".{CHECKPOINT}.part")
        try:
            torch.save(state, part)
            part.replace(place)
        except (OSError, RuntimeError) as error:
            part.unlink(missing_ok=True)
            raise InterruptedRunError(
                f"the checkpoint of step {step} could not be written ({getattr(error, 'strerror', error)}): make room "
                f"and run the same command again; the one before is kept in {str(self.folder)!r}"
            ) from None

    def _resume(self) -> int:
        """Take up an interrupted training; the step it had reached, 0 for a new one."""
        place = self.folder / CHECKPOINT
        history = self.folder / HISTORY
        if not place.is_file():
            history.unlink(missing_ok=True)
            return 0
        state = torch.load(place, map_location=self._parts.model.device, weights_only=True)
        if state["config"] != _what_is_computed(self.config):
            raise UsageError(
                f"{str(self.folder)!r} holds a training with another configuration: name another folder with --out"
            )
        self._put(state["parameters"])
        self._optimiser.load_state_dict(state["optimiser"])
        version, numbers, gauss = state["draw"]
        self._draw.setstate((version, tuple(numbers), gauss))
        torch.set_rng_state(state["torch"].cpu())
        self._queue = list(state["queue"])
        self._readings, self._best_weights = [Reading(*one) for one in state["readings"]], state["best"]
        self._mean.count, self._mean.weights = state["mean"]
        self._seconds, self._tokens, self.examples = state["seconds"], state["tokens"], state["examples"]
        step = int(state["step"])
        lines = history.read_text(encoding="utf-8").splitlines() if history.is_file() else []
        kept = [line for line in lines if _step_of(line) <= step]
        history.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        return self.config.steps if state["stopped"] else step

    def _finish(self, step: int, stopped: str, begun: int) -> Trained:
        """Put in place the weights that are to be kept, and write the adapter."""
        best = self._readings[best_of(self._readings)] if self._readings else None
        kept: Reading | None = None
        if self.config.keep == "best" and best is not None:
            self._put(self._best_weights)
        elif self.config.keep == "average" and self._mean.count:
            self._put(self._mean.weights)
            kept = self._poll() if self._anchor is not None else None
        self._save(step, stopped, best, kept)
        return Trained(self.folder, step, stopped, best, begun)

    def _put(self, weights: Sequence[torch.Tensor]) -> None:
        with torch.no_grad():
            for one, kept in zip(self._parts.parameters, weights, strict=True):
                one.copy_(kept)

    def _save(self, step: int, stopped: str, best: Reading | None, kept: Reading | None) -> None:
        config, parts = self.config, self._parts
        beside = self.folder / ".adapter.part"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        try:
            if config.lora is not None:
                with quiet():
                    parts.model.save_pretrained(str(beside))
                (beside / "README.md").unlink(missing_ok=True)
            if parts.taught is not None:
                rows = parts.rows[0].detach()
                rows, groups = speak_through_others(rows, parts.taught.groups, self.data.peoples, self.data.others)
                save_tokens(beside, parts.taught, rows, groups)
            manifest = AdapterManifest(
                name=config.name,
                method="distributional",
                summary=config.summary or "trained toward the distributions of people's answers",
                base=config.model,
                base_digest=self._digest,
                template_hash=self._renderer.template_hash,
                asked=config.asked,
                lessons=self.data.lessons(),
                version=__version__,
                config=config.model_dump(mode="json"),
                training={
                    "steps": step,
                    "stopped": stopped,
                    "processor_seconds": round(self._seconds, 1),
                    "tokens": self._tokens,
                    "examples": self.examples,
                    "trained_parameters": sum(one.numel() for one in parts.parameters),
                    "kept": config.keep,
                    "averaged_steps": self._mean.count,
                    "anchor": None if best is None else best._asdict(),
                    "anchor_of_average": None if kept is None else kept._asdict(),
                    "split": self.data.split(),
                },
            )
            (beside / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
            for file in sorted(beside.iterdir()):
                file.replace(self.folder / file.name)
        except OSError as error:
            raise InterruptedRunError(
                f"the adapter could not be written to {str(self.folder)!r} ({error.strerror}): make room and run the "
                "same command again; the checkpoint is kept"
            ) from None
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _make_trainable(config: DistributionalConfig, data: Learned, engine: LocalEngine) -> _Parts:
    """Give the model new tokens and low-rank weights; nothing else of it can be trained."""
    model = engine.model
    model.requires_grad_(False)
    taught: Taught | None = None
    if config.identity is not None:
        taught = teach_tokens(
            model,
            engine.renderer,
            data.survey.collectives,
            placement=config.identity.placement,
            seed=config.seed,
            source=data.survey.citation,
            licence=data.survey.licence,
        )
    lora: list[torch.nn.Parameter] = []
    if config.lora is not None:
        from peft import LoraConfig, get_peft_model

        layers = int(model.config.get_text_config().num_hidden_layers)
        if config.lora.first_layer >= layers:
            raise UsageError(f"lora.first_layer {config.lora.first_layer}: the model has {layers} layers, from 0 on")
        peft_config = LoraConfig(
            r=config.lora.rank,
            lora_alpha=config.lora.alpha,  # type: ignore[arg-type, unused-ignore]
            lora_dropout=config.lora.dropout,
            target_modules=list(config.lora.targets),
            layers_to_transform=list(range(config.lora.first_layer, layers)) if config.lora.first_layer else None,
            bias="none",
            task_type="CAUSAL_LM",
        )
        try:
            model = get_peft_model(model, peft_config)
        except ValueError as error:
            raise UsageError(f"lora.targets {', '.join(config.lora.targets)}: {error}") from None
        lora = [one for name, one in model.named_parameters() if "lora_" in name]
    rows: list[torch.nn.Parameter] = []
    if taught is not None:
        assert isinstance(taught.overlay.rows, torch.nn.Parameter), "taught rows are parameters"
        taught.overlay.rows.requires_grad_(True)
        rows = [taught.overlay.rows]
    return _Parts(model, taught, lora, rows)


def _what_is_computed(config: DistributionalConfig) -> str:
    """Content hash of all that decides the weights of every step: not what the voice is called, nor which are kept."""
    told = config.model_dump(mode="json", exclude={"name": True, "summary": True, "anchor": {"keep"}})
    return content_hash(told)


def _frozen_layers(config: DistributionalConfig, model: Any) -> int:
    """How many of the first layers never change."""
    if config.lora is not None:
        return config.lora.first_layer
    return int(model.config.get_text_config().num_hidden_layers)


def _anchor(config: DistributionalConfig, data: Learned, way: Way) -> AnchorSurvey | None:
    if config.anchor is None or not data.validation:
        return None
    count = min(config.anchor.peoples, len(data.peoples))
    # Spread evenly over the survey's order, which goes by region.
    peoples = [data.peoples[(2 * at + 1) * len(data.peoples) // (2 * count)] for at in range(count)]
    return AnchorSurvey(
        data.survey, [one.id for one in data.validation], peoples, way, labels=config.labels, seed=config.seed
    )


def _counts(step: int, average: Average) -> bool:
    """Whether the weights after this step belong to the mean."""
    return step >= average.since and (step - average.since) % average.every == 0


def _rate(step: int, warmup: int, steps: int) -> float:
    """Share of the learning rate at a step: a straight rise, then half a cosine down to a twentieth."""
    rise = min(1.0, step / warmup) if warmup else 1.0
    return rise * (FLOOR_OF_RATE + (1 - FLOOR_OF_RATE) * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _step_of(line: str) -> int:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return int(json.loads(line)["step"])
    return 1 << 62
