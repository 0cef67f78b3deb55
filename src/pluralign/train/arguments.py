"""What a configuration says, in the words of transformers' trainer. Knows no records and no model."""

import importlib.util
from pathlib import Path
from typing import Any

from accelerate import PartialState

from pluralign.core.errors import MissingExtraError, ModelError
from pluralign.engines.loading import choose_device
from pluralign.train.config import TrainConfig
from pluralign.train.models import computes_in_bfloat16
from pluralign.train.plan import steps


def arguments(config: TrainConfig, checkpoints: Path, *, examples: int, measured: bool) -> dict[str, Any]:
    """Keyword arguments of ``SFTConfig`` and ``DPOConfig``. ``measured``: whether there are held-out records."""
    optimisation = config.optimisation
    limited = optimisation.steps is not None or not optimisation.short_last_step
    devices = processes(config).num_processes
    settings: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "run_name": config.name,
        "project": config.name,
        "learning_rate": optimisation.learning_rate,
        "lr_scheduler_type": optimisation.schedule,
        "warmup_steps": optimisation.warmup,  # below 1 it is a share of the steps
        "weight_decay": optimisation.weight_decay,
        "optim": optimisation.optimiser,
        "num_train_epochs": optimisation.epochs,
        "max_steps": steps(examples, optimisation, devices) if limited else -1,
        "per_device_train_batch_size": optimisation.batch,
        "per_device_eval_batch_size": optimisation.batch,
        "gradient_accumulation_steps": optimisation.accumulate,
        "max_grad_norm": optimisation.clip,
        "bf16": computes_in_bfloat16(config),
        "use_cpu": choose_device(config.device).type == "cpu",
        "gradient_checkpointing": config.gradient_checkpointing,
        "seed": config.seed,
        "logging_steps": config.log_every,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_total_limit": config.keep,
        "prediction_loss_only": True,
        "disable_tqdm": True,
        "ddp_find_unused_parameters": False,
        "report_to": [tracker for tracker in config.trackers if tracker != "tensorboard"] or "none",
        "dataloader_pin_memory": choose_device(config.device).type == "cuda",
        **_when("save", config.save_every),
    }
    if config.gradient_checkpointing:
        settings["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    if measured:
        settings |= {"eval_on_start": True, **_when("eval", config.measure_every)}
    return settings


def processes(config: TrainConfig) -> Any:
    """The processes that train together, as accelerate or torchrun started them; one, where nobody did."""
    return PartialState(cpu=choose_device(config.device).type == "cpu")


def check_trackers(config: TrainConfig) -> None:
    """Raise where a tracker is not installed, before anything is computed."""
    for tracker in config.trackers:
        if importlib.util.find_spec(tracker) is None:
            if tracker == "tensorboard":
                raise MissingExtraError("the tracker 'tensorboard'", "train")
            raise ModelError(f"the tracker {tracker!r} is not installed: pip install {tracker}, or leave it out")


def _when(what: str, every: str | int) -> dict[str, Any]:
    if isinstance(every, int):
        return {f"{what}_strategy": "steps", f"{what}_steps": every}
    return {f"{what}_strategy": "epoch"}
