"""Carries trainings out: goes on from the last checkpoint, keeps what was computed, and leaves an adapter with a card.

The order of records, random numbers, optimiser and loss curve of a training that was killed and started again are
those of one that was left alone. Knows no command line.
"""

import contextlib
import errno
import json
import platform
import shutil
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import PrinterCallback, TrainerCallback, TrainerState

from pluralign import __version__
from pluralign.core.errors import InterruptedRunError, UsageError
from pluralign.core.training import TrainingCard
from pluralign.engines.quiet import quiet
from pluralign.store.files import make_folder, sweep, write_text
from pluralign.train import dpo, sft
from pluralign.train.anchor import readings, reason_to_stop
from pluralign.train.anchored import Anchored, find_anchor
from pluralign.train.arguments import arguments, check_trackers, processes
from pluralign.train.card import read_card, write_card
from pluralign.train.checkpoints import sweep_checkpoints, whole_checkpoints
from pluralign.train.identity import Rows, keep_only_trained, put_in_rows
from pluralign.train.models import adapter_config, freeze, load_base, trainable_parameters
from pluralign.train.prepare import Job, Prepared
from pluralign.train.summary import FOLDS_FILE, summarise

CHECKPOINTS = "checkpoints"
HISTORY = "history.jsonl"
_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes")


class Progress(NamedTuple):
    """How far a training has come."""

    label: str
    """Which of several trainings; empty for one by itself."""
    step: int
    steps: int
    resumed: int
    """Steps that were done before this process began."""
    losses: dict[str, float]
    """As last logged: ``loss``, ``eval_loss`` …"""

    @property
    def done(self) -> int:
        """Steps behind it."""
        return self.step

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.steps

    @property
    def waiting(self) -> int:
        """Nothing is ever waited for."""
        return 0


Show = Callable[[Progress], None]


def carry_out(
    prepared: Prepared,
    folder: Path,
    *,
    show: Show = lambda _: None,
    command: Sequence[str] = (),
    callbacks: Sequence[Any] = (),
) -> list[Path]:
    """Train everything that is not trained yet; the folders with the results, in order.

    ``callbacks`` are transformers', and see every step. Raises :class:`UsageError` where the folder holds another
    training, and :class:`InterruptedRunError` where memory or disk did not suffice; checkpoints are kept.
    """
    check_trackers(prepared.config)
    folders = []
    for job in prepared.jobs:
        place = folder / job.folder
        _train(prepared, job, place, show, tuple(command), callbacks)
        folders.append(place)
    if prepared.config.folds is not None and processes(prepared.config).is_main_process:
        cards = [card for place in folders if (card := read_card(place)) is not None]
        write_text(folder / FOLDS_FILE, json.dumps(summarise(cards), indent=1) + "\n")
    return folders


def _train(
    prepared: Prepared, job: Job, folder: Path, show: Show, command: tuple[str, ...], callbacks: Sequence[Any]
) -> None:
    examples = prepared.examples(job.train)
    held_out = prepared.examples(job.held_out).rows if job.held_out else ()
    card = _open(prepared, job, folder, examples.counts | {"held_out_examples": len(held_out)}, command)
    if card.finished:
        return
    checkpoints = folder / CHECKPOINTS
    config = prepared.config
    anchor = find_anchor(prepared, job)
    where = _Where(folder, config.optimisation.batch, examples.longest)
    with _kept(where), warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        model = load_base(prepared.base, config)
        tokens, rows = None, Rows()
        if prepared.groups is not None and config.identity is not None:
            tokens = put_in_rows(model, prepared.base.tokenizer, prepared.groups, seed=config.seed)
            rows = Rows(tuple(next(iter(tokens.values()))), config.identity.learning_rate)
        freeze(model, config)
        adapter = adapter_config(model, config, tokens)
        whole = whole_checkpoints(checkpoints)
        common: dict[str, Any] = {
            "adapter": adapter,
            "rows_of_tokens": rows,
            "callbacks": [
                _Watch(show, job.label, where),
                *([Anchored(anchor, config.anchor)] if anchor is not None and config.anchor is not None else []),
                *_curves(config.trackers, folder, whole),
                *callbacks,
            ],
        }
        settings = arguments(config, checkpoints, examples=len(examples.rows), measured=bool(held_out))
        if whole:  # what is measured at the start was measured
            settings["eval_on_start"] = False
        parts = (model, settings, prepared.base.tokenizer, examples.rows, held_out)
        trainer: Any
        if prepared.method == "sft":
            trainer = sft.trainer(*parts, packed_length=prepared.limit if config.packing else None, **common)
        else:
            reference = load_base(prepared.base, config).requires_grad_(False).eval() if adapter is None else None
            trainer = dpo.trainer(*parts, reference=reference, beta=config.preference.beta, **common)
        trainer.remove_callback(PrinterCallback)
        # Told after the trainer is made, which would want its own loss on held-out records to be what is best.
        trainer.args.load_best_model_at_end = config.anchor is not None and config.anchor.keep == "best"
        trained = trainable_parameters(trainer.model)
        if trained == 0:
            raise UsageError("nothing in the model is trained: choose another mode")
        trainer.train(resume_from_checkpoint=str(whole[-1]) if whole else None)
        _save(trainer, prepared, folder)
        history = [_told(row) for row in trainer.state.log_history if "train_runtime" not in row]
        if trainer.is_world_process_zero():
            write_text(folder / HISTORY, "".join(json.dumps(row, sort_keys=True) + "\n" for row in history))
            counts = card.counts | {"steps": trainer.state.global_step, "trainable_parameters": trained}
            if trainer.args.load_best_model_at_end:
                counts["kept_step"] = trainer.state.best_global_step or trainer.state.global_step
            why = reason_to_stop(readings(history), config.anchor)
            found = {"counts": counts, "losses": _last_losses(history), "stopped": why, "finished": _now()}
            done = card.model_copy(update=found)
            write_card(folder, done)
            shutil.rmtree(checkpoints, ignore_errors=True)
        trainer.accelerator.wait_for_everyone()


def _open(prepared: Prepared, job: Job, folder: Path, counts: dict[str, int], command: tuple[str, ...]) -> TrainingCard:
    """The card of a training that begins, or of the one that lies there already."""
    records = [located.record for located in job.train]
    constitutions = {str(record.provenance.details.get("constitution", "")) for record in records} | {
        parent.partition(":")[2]
        for record in records
        for parent in record.provenance.parents
        if parent.startswith("constitution:")
    }
    collectives = sorted(record.collective for record in records)
    card = TrainingCard(
        name=prepared.config.name,
        method=prepared.method,
        asked=prepared.config.asked,
        mode=prepared.config.mode,
        base=prepared.base.card,
        template_hash=prepared.base.renderer.template_hash,
        records=prepared.loaded.cards,
        collectives={name: collectives.count(name) for name in dict.fromkeys(collectives)},
        licences=tuple(sorted({record.licence for record in records})),
        sources=tuple(sorted({record.source for record in records})[:20]),
        constitutions=tuple(sorted(constitutions - {""})),
        collective=job.collective,
        fold=job.fold,
        config=prepared.config.model_dump(mode="json"),
        counts=counts,
        versions=_versions(),
        command=command,
        started=_now(),
    )
    state = processes(prepared.config)
    earlier = read_card(folder)
    if earlier is not None and earlier.id != card.id:
        raise UsageError(
            f"{str(folder)!r} holds another training ({_difference(earlier, card)} differs); name another folder "
            "with --out"
        )
    state.wait_for_everyone()
    if earlier is not None and earlier.finished:
        return earlier
    if state.is_main_process:
        make_folder(folder)
        sweep(folder)
        sweep_checkpoints(folder / CHECKPOINTS)
        write_card(folder, card)
    state.wait_for_everyone()
    return card


def _save(trainer: Any, prepared: Prepared, folder: Path) -> None:
    """Gather and write what was trained. Every process takes part: gathering sharded weights needs all of them."""
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(folder))
    if not trainer.is_world_process_zero():
        return
    (folder / "training_args.bin").unlink(missing_ok=True)
    file = folder / "adapter_config.json"
    if file.is_file():
        # The base as people name it, not the folder of this machine's cache that it was read from.
        told = json.loads(file.read_text(encoding="utf-8")) | {"base_model_name_or_path": prepared.config.model}
        write_text(file, json.dumps(told, indent=2) + "\n")
    if prepared.groups is not None:
        keep_only_trained(folder, prepared.groups)
    if prepared.config.chat_template not in (None, "plain", "bare"):
        write_text(folder / "chat_template.jinja", prepared.base.renderer.chat_template)


class _Where(NamedTuple):
    folder: Path
    batch: int
    longest: int

    @property
    def kept(self) -> str:
        whole = whole_checkpoints(self.folder / CHECKPOINTS)
        if not whole:
            return "there is no checkpoint yet"
        step = whole[-1].name.rsplit("-", 1)[-1]
        return f"checkpoints are kept in {str(self.folder)!r}: the same command goes on from step {step}"


@contextlib.contextmanager
def _kept(where: _Where) -> Any:
    """Turn what a machine cannot do into one sentence, with checkpoints kept."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise _out_of_memory(where) from None
    except (RuntimeError, OSError) as error:
        text = str(error)
        if "out of memory" in text or "can't allocate memory" in text:
            raise _out_of_memory(where) from None
        if _disk_is_full(error):
            sweep_checkpoints(where.folder / CHECKPOINTS)
            raise InterruptedRunError(
                f"the disk is full: a checkpoint could not be written; {where.kept}: make room, or keep fewer "
                "checkpoints (keep: 1)"
            ) from None
        raise
    except Exception as error:
        # safetensors has an error of its own.
        if not _disk_is_full(error):
            raise
        sweep_checkpoints(where.folder / CHECKPOINTS)
        raise InterruptedRunError(f"the disk is full: a checkpoint could not be written; {where.kept}") from None


def _disk_is_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    text = str(error)
    return any(words in text for words in ("No space left", "File too large", "file write failed", "unexpected pos"))


def _out_of_memory(where: _Where) -> InterruptedRunError:
    return InterruptedRunError(
        f"out of memory with {where.batch} examples of up to {where.longest} tokens at once: lower optimisation.batch "
        "(and raise accumulate), set gradient_checkpointing to true, lower max_length, or set mode to qlora; "
        f"{where.kept}"
    )


class _Watch(TrainerCallback):
    """Tells how far the training has come, and stops in good order when asked to."""

    def __init__(self, show: Show, label: str, where: _Where):
        self._show, self._label, self._where = show, label, where
        self._resumed = 0
        self._losses: dict[str, float] = {}

    def on_train_begin(self, _: Any, state: TrainerState, *__: Any, **___: Any) -> None:
        self._resumed = state.global_step
        self._tell(state)

    def on_step_end(self, _: Any, state: TrainerState, *__: Any, **___: Any) -> None:
        self._tell(state)

    def on_log(self, _: Any, state: TrainerState, *__: Any, logs: dict[str, float] | None = None, **___: Any) -> None:
        self._losses |= {key: value for key, value in (logs or {}).items() if key in ("loss", "eval_loss")}
        self._tell(state)

    def _tell(self, state: TrainerState) -> None:
        if state.is_world_process_zero:
            self._show(Progress(self._label, state.global_step, state.max_steps, self._resumed, dict(self._losses)))


def _curves(trackers: Sequence[str], folder: Path, whole: list[Path]) -> list[Any]:
    if "tensorboard" not in trackers:
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    # What an interrupted training drew after its last checkpoint is drawn again.
    purge = int(whole[-1].name.rsplit("-", 1)[-1]) + 1 if whole else None
    return [TensorBoardCallback(SummaryWriter(str(folder / "curves"), purge_step=purge))]


def _told(row: dict[str, float]) -> dict[str, float]:
    """A line of the loss curve, without how long it took: the same curve is the same file."""
    return {key: value for key, value in row.items() if not key.endswith(("_runtime", "_per_second"))}


def _last_losses(history: list[dict[str, float]]) -> dict[str, float]:
    names = {"loss": "train", "eval_loss": "held_out", "eval_accuracy": "held_out_accuracy"}
    names |= {"eval_rewards/accuracy": "held_out_reward_accuracy"}
    found: dict[str, float] = {}
    for row in history:
        for key, name in names.items():
            if key in row:
                found.setdefault(f"{name}_at_start", row[key])
                found[name] = row[key]
    return found


def _difference(earlier: TrainingCard, later: TrainingCard) -> str:
    for part in ("method", "base", "template_hash", "records", "collective", "fold"):
        if getattr(earlier, part) != getattr(later, part):
            return f"its {part}"
    keys = sorted({*earlier.config, *later.config})
    return "its " + next((key for key in keys if earlier.config.get(key) != later.config.get(key)), "configuration")


def _versions() -> dict[str, str]:
    found = {"pluralign": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
