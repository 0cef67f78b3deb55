"""Against a real SLURM of one machine, started here: tasks run, are queued again before their time is up, and go on.

Needs the Debian packages slurm-wlm and munge, and root (SLURM's daemons insist on an identity of their own).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pluralign.cli.jobs import app
from pluralign.jobs.slurm import queue
from pluralign.jobs.tasks import read_state

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
pytestmark = pytest.mark.skipif(
    os.name != "posix"
    or os.geteuid() != 0
    or not all(shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in PROGRAMS),
    reason="needs root and SLURM: apt-get install slurm-wlm munge",
)
run = CliRunner()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("slurm")
    # munged wants every folder above its socket to be closed to others' writing; pytest's are, below a sticky /tmp.
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    for part in ("state", "spool"):
        (folder / part).mkdir()
    (folder / "slurm.conf").write_text(
        f"""ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
KillWait=2
SchedulerParameters=sched_interval=2,bf_interval=2,requeue_delay=0
NodeName=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=short Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
    )
    before = dict(os.environ)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    os.environ["PATH"] += ":/usr/sbin"
    daemons = [
        subprocess.Popen(
            [
                "munged",
                "--foreground",
                "--force",
                *(f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")),
                f"--socket={folder}/munge.socket",
            ]
        )
    ]
    try:
        wait_for(lambda: (folder / "munge.socket").exists(), folder)
        daemons.append(subprocess.Popen(["slurmctld", "-D", "-i"]))
        daemons.append(subprocess.Popen(["slurmd", "-D", "-N", "localhost"]))
        said = ["sinfo", "--noheader", "--format=%T"]
        wait_for(
            lambda: subprocess.run(said, capture_output=True, text=True, check=False).stdout.strip() == "idle", folder
        )
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in daemons:
            daemon.wait()
        os.environ.clear()
        os.environ.update(before)


def wait_for(come: Callable[[], bool], folder: Path) -> None:
    for _ in range(600):
        if come():
            return
        time.sleep(0.1)
    logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in folder.rglob("*.log"))
    pytest.fail(f"it did not come in a minute; logs: {logs}")


def submit(words: list[str], *options: str) -> str:
    done = run.invoke(app, ["submit", "--cluster", "cluster.yaml", *options, "--", *words])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output.split(":")[0].removeprefix("job ")


@pytest.mark.usefixtures("slurm")
def test_an_array_runs_and_only_what_failed_is_submitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cluster.yaml").write_text("partition: short\n")
    code = (
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.open('a').write(sys.argv[2]); "
        "sys.exit(p.name == 'b' and len(p.read_text()) < 2)"
    )
    words = [sys.executable, "-c", code, "{file}", "{nodes}"]
    job = submit(words, "--vary", "file=a,b,c")
    folder = tmp_path / "jobs" / "job"
    wait_for(lambda: not queue([job]), folder)
    codes = [state.exit if (state := read_state(folder, number)) else None for number in range(3)]
    assert codes == [0, 1, 0]
    job = submit(words, "--vary", "file=a,b,c")
    assert "#SBATCH --array=1\n" in (folder / "job.sh").read_text()
    wait_for(lambda: not queue([job]), folder)
    assert [Path(name).read_text() for name in "abc"] == ["1", "11", "1"]
    assert run.invoke(app, ["list", "jobs/job"]).output.count("ended well") == 3


@pytest.mark.usefixtures("slurm")
def test_a_task_whose_time_is_nearly_up_goes_back_into_the_queue_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cluster.yaml").write_text("partition: short\n")
    code = (
        "import pathlib, time\n"
        "steps = pathlib.Path('steps')\n"
        "for step in range(len(steps.read_text().split()) if steps.exists() else 0, 4):\n"
        "    while step == 2 and not pathlib.Path('go').exists(): time.sleep(0.05)\n"
        "    with steps.open('a') as file: print(step, file=file)\n"
    )
    job = submit([sys.executable, "-c", code])
    folder = tmp_path / "jobs" / "job"
    wait_for(lambda: Path("steps").exists() and Path("steps").read_text() == "0\n1\n", folder)
    # What SLURM itself sends to the batch script so many seconds before the time is up.
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)
    wait_for(lambda: "queued again" in "".join(path.read_text() for path in (folder / "logs").iterdir()), folder)
    Path("go").touch()
    wait_for(lambda: not queue([job]), folder)
    assert Path("steps").read_text() == "0\n1\n2\n3\n"
    state = read_state(folder, 0)
    assert state is not None
    assert (state.starts, state.exit) == (2, 0)


@pytest.mark.usefixtures("slurm")
def test_a_job_is_called_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cluster.yaml").write_text("partition: short\n")
    job = submit(["sleep", "600"])
    folder = tmp_path / "jobs" / "job"
    wait_for(lambda: read_state(folder, 0) is not None, folder)
    assert run.invoke(app, ["cancel", "jobs/job"]).exit_code == 0
    wait_for(lambda: not queue([job]), folder)
    assert "cut off" in run.invoke(app, ["list", "jobs/job"]).output
