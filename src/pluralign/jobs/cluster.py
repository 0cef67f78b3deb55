"""The shape of a cluster, as its users write it once in YAML, and what of it a task gets. Knows no scheduler."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pluralign.core.documents import parse, validate
from pluralign.core.errors import DataError, UsageError

Count = Annotated[int, Field(ge=1)]
_TIME = r"^(\d+-)?\d{1,2}:\d{2}:\d{2}$"


def _as_time(given: Any) -> Any:
    """YAML reads an unquoted 1:30:00 as a number in base 60; it is taken as it was meant."""
    if isinstance(given, int) and not isinstance(given, bool):
        minutes, seconds = divmod(given, 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return given


Time = Annotated[str, BeforeValidator(_as_time), Field(pattern=_TIME)]
"""``[DAYS-]HH:MM:SS``."""


class Cluster(BaseModel):
    """What one must know of a cluster to run a job on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["pluralign.cluster/1"] = "pluralign.cluster/1"
    partition: str = ""
    account: str = ""
    gpus_per_node: Annotated[int, Field(ge=0)] = 0
    gpu_kind: str = ""
    """The name the cluster has for its GPUs, such as ``a100``."""
    cpus_per_gpu: Count = 1
    memory_per_gpu: Count | None = None
    """Megabytes; a task that takes all GPUs of a node gets all of its memory."""
    cpus: Count = 1
    """For a task without GPUs."""
    memory: Count | None = None
    """Megabytes, for a task without GPUs."""
    time: Time = "24:00:00"
    at_once: Count | None = None
    """How many tasks of a job may run at once."""
    warning: Annotated[int, Field(ge=1)] = 180
    """Seconds before its time is up at which a task is queued again, to go on where it stopped."""
    requeues: Annotated[int, Field(ge=0)] = 100
    """How often a task is queued again at most."""
    setup: tuple[str, ...] = ()
    """Lines of shell before the command: ``module load cuda``, ``export HF_HOME=…``."""
    container: str = ""
    """Words put before the command: ``apptainer exec --nv image.sif``."""
    python: str = ""
    """The Python that has pluralign on the cluster's machines; empty: the one that submits."""
    options: tuple[str, ...] = ()
    """Further options of sbatch, each as ``--name=value``."""

    @field_validator("options")
    @classmethod
    def _are_options(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        for option in options:
            if not re.fullmatch(r"--[a-z][a-z-]*(=\S.*)?", option):
                raise ValueError(f"an option of sbatch is written --name=value, not {option!r}")
        return options

    @field_validator("setup", "options")
    @classmethod
    def _are_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        if any("\n" in line for line in lines):
            raise ValueError("one line each")
        return lines

    @model_validator(mode="after")
    def _knows_its_gpus(self) -> Self:
        if self.gpu_kind and not self.gpus_per_node:
            raise ValueError("gpu_kind is given, but gpus_per_node is 0")
        return self


class Share(NamedTuple):
    """What one task gets."""

    nodes: int
    gpus: int
    """On each node."""
    cpus: int
    """On each node."""
    memory: int | None
    """Megabytes on each node; 0: all of it; ``None``: what the cluster gives."""
    time: str


def read_cluster(path: Path) -> Cluster:
    """A cluster's file. Raises :class:`DataError` naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DataError(f"cannot be read ({reason})", file=str(path)) from None
    return validate(Cluster, parse(text, str(path)))


def share(cluster: Cluster, *, gpus: int, cpus: int | None, memory: int | None, time: str | None) -> Share:
    """What a task of so many GPUs gets: some of a node, or whole nodes. Raises :class:`UsageError`.

    ``cpus`` and ``memory`` (megabytes), per node, and ``time`` go over the cluster's own.
    """
    if time is not None and not re.fullmatch(_TIME, time):
        raise UsageError(f"a time is written [DAYS-]HH:MM:SS, not {time!r}")
    at_most = time or cluster.time
    if not gpus:
        return Share(1, 0, cpus or cluster.cpus, memory or cluster.memory, at_most)
    each = cluster.gpus_per_node
    if not each:
        raise UsageError(f"the cluster's file says nothing of GPUs: set gpus_per_node, or leave out --gpus {gpus}")
    if gpus > each and gpus % each:
        raise UsageError(
            f"{gpus} GPUs are no whole nodes of {each}: ask for a multiple of {each}, or for at most {each}"
        )
    nodes, own = max(1, gpus // each), min(gpus, each)
    usual = 0 if own == each else cluster.memory_per_gpu and own * cluster.memory_per_gpu
    return Share(nodes, own, cpus or own * cluster.cpus_per_gpu, memory or usual, at_most)
