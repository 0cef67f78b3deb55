"""Tables of tasks, what a task gets of a cluster, and the script: no scheduler is needed for any of it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from pluralign.cli.jobs import app
from pluralign.core.errors import DataError, InterruptedRunError, UsageError
from pluralign.jobs.cluster import Cluster, Share, read_cluster, share
from pluralign.jobs.slurm import numbers_text, script
from pluralign.jobs.tasks import Table, expand, read_state, read_table, variation

RAVEN = Cluster(partition="gpu", gpus_per_node=4, gpu_kind="a100", cpus_per_gpu=18, memory_per_gpu=125_000)
run = CliRunner()


def test_each_combination_is_a_task() -> None:
    words = ("train", "--set", "seed={seed}", "--out", "runs/{seed}-{rate}", "--model", "m@{kenya:0.6}")
    tasks = expand(words, [variation("seed=1,2"), variation("rate=1e-4,3e-4")])
    assert [task[4] for task in tasks] == ["runs/1-1e-4", "runs/1-3e-4", "runs/2-1e-4", "runs/2-3e-4"]
    assert {task[6] for task in tasks} == {"m@{kenya:0.6}"}, "other braces stay"


@pytest.mark.parametrize(
    ("words", "varied", "reason"),
    [
        ([], [], "there is no command"),
        (["a"], ["seed=1,2"], r"no word of the command holds \{seed\}"),
        (["{a}"], ["a=1", "a=2"], "varied twice"),
        (["{a}"], ["a=1,1"], "names a value twice"),
        (["{a}"], ["a=1,,2"], "NAME=VALUE"),
        (["{a}"], ["a"], "NAME=VALUE"),
        (["{gpus}"], ["gpus=1,2"], "filled in when a task starts"),
    ],
)
def test_what_cannot_be_varied_is_refused(words: list[str], varied: list[str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        expand(words, [variation(one) for one in varied])


@pytest.mark.parametrize(
    ("gpus", "given_memory", "expected"),
    [
        (0, None, Share(1, 0, 1, None, "24:00:00")),
        (1, None, Share(1, 1, 18, 125_000, "24:00:00")),
        (3, None, Share(1, 3, 54, 375_000, "24:00:00")),
        (4, None, Share(1, 4, 72, 0, "24:00:00")),  # a whole node: all of its memory
        (8, None, Share(2, 4, 72, 0, "24:00:00")),
        (1, 9_000, Share(1, 1, 18, 9_000, "24:00:00")),
    ],
)
def test_gpus_are_part_of_a_node_or_whole_nodes(gpus: int, given_memory: int | None, expected: Share) -> None:
    assert share(RAVEN, gpus=gpus, cpus=None, memory=given_memory, time=None) == expected


def test_what_a_cluster_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="6 GPUs are no whole nodes of 4"):
        share(RAVEN, gpus=6, cpus=None, memory=None, time=None)
    with pytest.raises(UsageError, match="set gpus_per_node"):
        share(Cluster(), gpus=1, cpus=None, memory=None, time=None)
    with pytest.raises(UsageError, match="DAYS"):
        share(RAVEN, gpus=1, cpus=None, memory=None, time="10 minutes")


def test_a_clusters_file_is_read_and_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "raven.yaml"
    path.write_text("partition: gpu\ntime: 1:30:00\nsetup: [module load cuda]\n")
    assert read_cluster(path).time == "01:30:00", "YAML reads it as a number"
    path.write_text("partition: gpu\ngpus: 4\n")
    with pytest.raises(DataError, match=r"raven\.yaml:2: gpus: unknown key"):
        read_cluster(path)
    path.write_text("options: ['-p gpu']\n")
    with pytest.raises(DataError, match="--name=value"):
        read_cluster(path)


@given(some.sets(some.integers(0, 60), min_size=1))
def test_task_numbers_are_written_as_sbatch_reads_them(numbers: set[int]) -> None:
    read: set[int] = set()
    for part in numbers_text(sorted(numbers)).split(","):
        first, _, last = part.partition("-")
        read |= set(range(int(first), int(last or first) + 1))
    assert read == numbers


def test_the_script_is_shell_and_asks_for_what_was_meant(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    table = Table(name="seeds", directory="/a b", commands=(("x",), ("y",), ("z",)))
    shape = RAVEN.model_copy(
        update={"at_once": 2, "setup": ("module load cuda",), "container": "apptainer exec --nv i.sif"}
    )
    text = script(shape, share(shape, gpus=8, cpus=None, memory=None, time="02:00:00"), table, folder, [0, 2])
    options = {line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")}
    assert options >= {
        "--array=0,2%2",
        "--nodes=2",
        "--cpus-per-task=72",
        "--mem=0",
        "--gres=gpu:a100:4",
        "--time=02:00:00",
        "--requeue",
        "--signal=B:USR1@180",
        "--partition=gpu",
    }
    assert "cd '/a b' || exit 1\nmodule load cuda\n" in text
    assert f"apptainer exec --nv i.sif {sys.executable} -m pluralign jobs task" in text
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


def test_a_dry_run_writes_script_and_tasks_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    (tmp_path / "c.yaml").write_text("partition: short\n")
    asked = ["submit", "--cluster", "c.yaml", "--dry-run", "--vary", "seed=1,2", "--", "pluralign", "--seed", "{seed}"]
    done = run.invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "#SBATCH --array=0-1" in done.output
    assert "# task 1: pluralign --seed 2" in done.output
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"c.yaml", "jobs/job/tasks.json", "jobs/job/job.sh"}
    assert read_table(tmp_path / "jobs" / "job").commands[0] == ("pluralign", "--seed", "1")
    without = run.invoke(app, [word for word in asked if word != "--dry-run"])
    assert isinstance(without.exception, UsageError)
    assert "no sbatch on this machine" in str(without.exception)


def test_sbatch_gets_the_script_and_what_it_says_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in {"sbatch": 'echo "$@" >> asked.txt; echo "77;raven"', "squeue": 'echo "1|RUNNING|node3"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "c.yaml").write_text("partition: short\n")
    asked = ["submit", "--cluster", "c.yaml", "--vary", "x=a,b", "--", "echo", "{x}"]
    done = run.invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "asked.txt").read_text() == f"--parsable {tmp_path / 'jobs' / 'job' / 'job.sh'}\n"
    shown = run.invoke(app, ["list", "jobs/job"]).output
    assert "never started" in shown
    assert "running (node3)" in shown
    again = run.invoke(app, asked)
    assert isinstance(again.exception, UsageError)
    assert "still in the queue" in str(again.exception)
    (programs / "sbatch").write_text(
        "#!/bin/sh\necho 'sbatch: error: invalid partition specified: short' >&2; exit 1\n"
    )
    (programs / "squeue").write_text("#!/bin/sh\nexit 0\n")
    refused = run.invoke(app, asked)
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception) == "sbatch refused: invalid partition specified: short"


def test_tasks_run_here_and_only_what_is_left_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import pathlib, sys; print('hello'); p = pathlib.Path(sys.argv[1]); p.open('a').write('x'); "
        "sys.exit(p.name == 'b' and len(p.read_text()) < 2)"
    )
    asked = ["submit", "--here", "--vary", "file=a,b", "--", sys.executable, "-c", code, "{file}"]
    first = run.invoke(app, asked)
    assert isinstance(first.exception, InterruptedRunError)
    assert "1 of 2 tasks failed" in str(first.exception)
    assert "failed with exit code 1" in run.invoke(app, ["list", "jobs/job"]).output
    assert run.invoke(app, asked).exit_code == 0
    assert (tmp_path / "a").read_text() == "x", "what ended well is not run again"
    assert (tmp_path / "b").read_text() == "xx"
    assert (tmp_path / "jobs/job/logs/0001.txt").read_text() == "hello\nhello\n"
    state = read_state(tmp_path / "jobs/job", 1)
    assert state is not None
    assert (state.starts, state.exit) == (2, 0)
    assert "have ended well" in run.invoke(app, asked).output
    other = run.invoke(app, ["submit", "--here", "--", "echo"])
    assert isinstance(other.exception, UsageError)
    assert "holds other tasks" in str(other.exception)
    missing = run.invoke(app, ["submit", "--here", "--name", "none", "--", "no-such-program"])
    assert isinstance(missing.exception, UsageError)
    assert "'no-such-program' cannot be started" in str(missing.exception)
