"""One task, carried out where this process runs: on a node of a cluster, or here. Writes no file itself."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pluralign.core.errors import UsageError
from pluralign.jobs.tasks import fill


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Values of :data:`pluralign.jobs.tasks.AT_START`, from what SLURM tells a task; else of this machine."""
    main = environment.get("SLURM_JOB_NODELIST", "localhost")
    if "SLURM_JOB_NODELIST" in environment:
        # A list such as node[3-5,9]: only SLURM itself reads all of its forms.
        said = subprocess.run(["scontrol", "show", "hostnames", main], capture_output=True, text=True, check=True)
        main = said.stdout.split()[0]
    return {
        "nodes": environment.get("SLURM_JOB_NUM_NODES", "1"),
        "node_rank": environment.get("SLURM_NODEID", "0"),
        "main_node": main,
        "gpus": environment.get("SLURM_GPUS_ON_NODE", "0"),
    }


def carry_out(words: Sequence[str], directory: str, values: Mapping[str, str], log: Path | None = None) -> int:
    """Run a command and return its exit code; ``log``: where its output is appended, in place of being passed on.

    ``pluralign`` as first word is the one that runs this. Raises :class:`UsageError` for a program or folder that is
    not there.
    """
    filled = [fill(word, values) for word in words]
    if filled[0] == "pluralign":
        filled[:1] = [sys.executable, "-m", "pluralign"]
    try:
        if log is None:
            return subprocess.run(filled, cwd=directory, check=False).returncode
        with log.open("a", encoding="utf-8") as file:
            return subprocess.run(filled, cwd=directory, check=False, stdout=file, stderr=file).returncode
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"{filled[0]!r} cannot be started in {directory!r}: {error.strerror}") from None
