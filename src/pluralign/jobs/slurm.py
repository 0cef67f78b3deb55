"""Tasks on a SLURM cluster: the script, sbatch, and what the queue says. Knows not what the tasks do.

Being stopped is the normal case: shortly before its time is up, and when it is pre-empted, a task is queued again, and
the same command goes on where it stopped.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pluralign.core.errors import UsageError
from pluralign.jobs.cluster import Cluster, Share
from pluralign.jobs.tasks import Table

SCRIPT_FILE = "job.sh"


class Queued(NamedTuple):
    """A task in the queue."""

    number: int
    state: str
    """In SLURM's words, such as ``PENDING`` or ``RUNNING``."""
    reason: str
    """Why it waits; or where it runs."""


def numbers_text(numbers: Sequence[int]) -> str:
    """Task numbers as sbatch takes them.

    >>> numbers_text([0, 1, 2, 5, 7, 8])
    '0-2,5,7-8'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def script(cluster: Cluster, own: Share, table: Table, folder: Path, numbers: Sequence[int]) -> str:
    """The sbatch script of an array of tasks. ``folder``: the job's, absolute; ``numbers``: the tasks to run."""
    throttle = f"%{cluster.at_once}" if cluster.at_once else ""
    logs = str(folder / "logs").replace("%", "%%")
    kind = f"{cluster.gpu_kind}:" if cluster.gpu_kind else ""
    options = [
        f"--job-name={table.name}",
        f"--array={numbers_text(numbers)}{throttle}",
        f"--nodes={own.nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={own.cpus}",
        *([] if own.memory is None else [f"--mem={own.memory}"]),
        *([f"--gres=gpu:{kind}{own.gpus}"] if own.gpus else []),
        f"--time={own.time}",
        *([f"--partition={cluster.partition}"] if cluster.partition else []),
        *([f"--account={cluster.account}"] if cluster.account else []),
        f"--output={logs}/slurm-%A_%a.txt",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR1@{cluster.warning}",
        *cluster.options,
    ]
    python = cluster.python or sys.executable
    command = f"{shlex.quote(python)} -m pluralign jobs task {shlex.quote(str(folder))}"
    lines = [
        "#!/usr/bin/env bash",
        f"# {len(numbers)} of {len(table.commands)} tasks; what they are stands in tasks.json. Written by pluralign.",
        *(f"#SBATCH {option}" for option in options),
        "set -uo pipefail",
        f"cd {shlex.quote(table.directory)} || exit 1",
        *cluster.setup,
        "",
        "# Shortly before its time is up the task goes back into the queue; it goes on where it stopped.",
        "again() {",
        f'  if [ "${{SLURM_RESTART_COUNT:-0}}" -ge {cluster.requeues} ]; then',
        f'    echo "time is nearly up, and the task was queued {cluster.requeues} times: not again" >&2',
        "  else",
        '    echo "time is nearly up: queued again" >&2',
        '    scontrol requeue "$SLURM_JOB_ID"',
        "  fi",
        "}",
        "trap again USR1",
        f"srun --kill-on-bad-exit=1 {cluster.container + ' ' if cluster.container else ''}{command} "
        '"$SLURM_ARRAY_TASK_ID" &',
        "task=$!",
        'until wait "$task"; code=$?; ! kill -0 "$task" 2>/dev/null; do :; done',
        'exit "$code"',
    ]
    return "\n".join(lines) + "\n"


def submit(path: Path) -> str:
    """Hand a script to sbatch; the id of the job. Raises :class:`UsageError` with SLURM's own words."""
    said = _ask(["sbatch", "--parsable", str(path)])
    return said.strip().split(";")[0]


def queue(ids: Sequence[str]) -> list[Queued]:
    """Tasks of these jobs that wait or run. Raises :class:`UsageError`."""
    if not ids:
        return []
    said = _ask(["squeue", "--noheader", "--array", f"--jobs={','.join(ids)}", "--format=%K|%T|%R"], gone=True)
    rows = [line.strip().split("|", 2) for line in said.splitlines() if line.strip()]
    return [Queued(int(number), state, reason.strip("()")) for number, state, reason in rows if number.isdigit()]


def cancel(ids: Sequence[str]) -> None:
    """Take jobs out of the queue and stop their tasks. Raises :class:`UsageError`."""
    _ask(["scancel", *ids], gone=True)


def _ask(words: Sequence[str], *, gone: bool = False) -> str:
    """What a command of SLURM prints. ``gone``: whether jobs that the queue has forgotten are no error."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UsageError(
            f"there is no {words[0]} on this machine: go to the cluster's login node, or use --here or --dry-run"
        ) from None
    if done.returncode:
        if gone and "Invalid job id" in done.stderr:
            return ""
        said = re.sub(r"\s+", " ", done.stderr.removeprefix(f"{words[0]}: error: ")).strip()
        raise UsageError(f"{words[0]} refused: {said or f'exit code {done.returncode}'}")
    return done.stdout
