"""``pluralign jobs``: run command lines here or on a SLURM cluster, one or many that differ in some words."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from pluralign.core.errors import InterruptedRunError, UsageError

if TYPE_CHECKING:
    from pluralign.jobs.tasks import Table

app = typer.Typer(no_args_is_help=True, help="Run command lines on a SLURM cluster, or one after another here.")

FOLDER = Annotated[Path, typer.Argument(metavar="FOLDER", help="The job's folder.")]
IDS_FILE = "slurm.txt"


@app.command()
def submit(
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="What to run, as you would type it.")],
    cluster: Annotated[Path | None, typer.Option(help="The cluster's file; see docs/jobs.md.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where scripts, logs and states go. Default: jobs/NAME.")] = None,
    name: Annotated[str, typer.Option(help="The job's name.")] = "job",
    vary: Annotated[
        list[str] | None, typer.Option(help="NAME=a,b,…: a task for each, {NAME} replaced. May be repeated.")
    ] = None,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs of a task; more than a node has: whole nodes.")] = 0,
    cpus: Annotated[int | None, typer.Option(min=1, help="CPUs of a task on each node.")] = None,
    memory: Annotated[int | None, typer.Option(min=1, help="Memory of a task on each node, in megabytes.")] = None,
    time: Annotated[str | None, typer.Option(help="[DAYS-]HH:MM:SS, after which a task is queued again.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write script and tasks, print them, submit nothing.")
    ] = False,
    here: Annotated[bool, typer.Option("--here", help="Run the tasks on this machine, one after another.")] = False,
) -> None:
    """Run a command, or many that differ in some words. The same again runs what has not ended well yet.

    Example: pluralign jobs submit --cluster raven.yaml --gpus 4 --vary seed=1,2,3 -- pluralign train sft config.yaml
    --set seed={seed} --out runs/seed-{seed}
    """
    from pluralign.jobs import cluster as clusters
    from pluralign.jobs import slurm
    from pluralign.jobs.tasks import Table, expand, unfinished, variation
    from pluralign.store.files import write_text

    if here and (cluster is not None or dry_run):
        raise UsageError("--here runs without a cluster: leave out --cluster and --dry-run")
    if not here and cluster is None:
        raise UsageError("name the cluster's file with --cluster, or say --here")
    place = (folder or Path("jobs") / name).absolute()
    commands = expand(words, [variation(one) for one in vary or ()])
    table = _same_table(place, Table(name=name, directory=str(Path.cwd()), commands=commands))
    left = list(unfinished(place, table))
    if not left:
        print(f"all {len(table.commands):,} tasks in {place} have ended well")
        return
    if here:
        _run_here(place, table, left)
        return
    assert cluster is not None
    shape = clusters.read_cluster(cluster)
    own = clusters.share(shape, gpus=gpus, cpus=cpus, memory=memory, time=time)
    text = slurm.script(shape, own, table, place, left)
    script = place / slurm.SCRIPT_FILE
    ids = _ids(place)
    if not dry_run and slurm.queue(ids):
        raise UsageError(f"tasks of {str(place)!r} are still in the queue; see `pluralign jobs list {place}`")
    write_text(script, text)
    if dry_run:
        print(text, end="")
        for number in left:
            print(f"# task {number}: {' '.join(table.commands[number])}")
        return
    job = slurm.submit(script)
    write_text(place / IDS_FILE, "".join(f"{one}\n" for one in [*ids, job]))
    print(f"job {job}: {len(left):,} tasks; `pluralign jobs list {place}` says how they are")


@app.command("list")
def list_tasks(folder: FOLDER) -> None:
    """Say how each task of a job is: ended well, failed, running, waiting, or never started.

    Example: pluralign jobs list jobs/seeds
    """
    from pluralign.jobs import slurm
    from pluralign.jobs.tasks import read_state, read_table

    table = read_table(folder)
    queued = {one.number: one for one in slurm.queue(_ids(folder))}
    grid = Grid("task", "how it is", "starts", "command", box=None)
    for number, words in enumerate(table.commands):
        state, waits = read_state(folder, number), queued.get(number)
        if waits is not None:
            told = f"{waits.state.lower()} ({waits.reason})"
        elif state is None:
            told = "never started"
        elif state.exit is None:
            told = f"cut off on {state.host}: submit again" if _ids(folder) else f"started on {state.host}"
        else:
            told = "ended well" if state.exit == 0 else f"failed with exit code {state.exit}"
        grid.add_row(str(number), told, str(state.starts if state else 0), " ".join(words))
    Console().print(grid, markup=False, highlight=False)


@app.command()
def cancel(folder: FOLDER) -> None:
    """Take a job's tasks out of the cluster's queue. What they computed is kept.

    Example: pluralign jobs cancel jobs/seeds
    """
    from pluralign.jobs import slurm
    from pluralign.jobs.tasks import read_table

    read_table(folder)
    ids = _ids(folder)
    if not ids:
        raise UsageError(f"{str(folder)!r} was not submitted to a cluster")
    slurm.cancel(ids)


@app.command(hidden=True)
def task(folder: FOLDER, number: Annotated[int, typer.Argument(min=0)]) -> None:
    """Carry out one task, as a script of a cluster does."""
    from pluralign.cli.settings import environment
    from pluralign.jobs.carry_out import surroundings
    from pluralign.jobs.tasks import read_table

    table = read_table(folder)
    if number >= len(table.commands):
        raise UsageError(f"there is no task {number}; the last is {len(table.commands) - 1}")
    values = surroundings(environment())
    code = _carry_out(folder, table, number, values, writes=values["node_rank"] == "0", log=None)
    raise typer.Exit(code)


def _same_table(place: Path, table: "Table") -> "Table":
    """Keep the table of a new folder, or see that it is the one the folder was made for."""
    from pluralign.jobs.tasks import TABLE_FILE, read_table, table_text
    from pluralign.store.files import make_folder, write_text

    if (place / TABLE_FILE).exists():
        if read_table(place) != table:
            raise UsageError(f"{str(place)!r} holds other tasks; name another folder with --folder")
        return table
    for part in ("logs", "states"):
        make_folder(place / part)
    write_text(place / TABLE_FILE, table_text(table))
    return table


def _run_here(place: Path, table: "Table", left: list[int]) -> None:
    from pluralign.jobs.carry_out import surroundings
    from pluralign.jobs.tasks import log_file

    notes = Console(stderr=True)
    failed = []
    for at, number in enumerate(left, start=1):
        log = log_file(place, number)
        notes.print(f"{at} of {len(left)}: {' '.join(table.commands[number])}", markup=False, highlight=False)
        try:
            code = _carry_out(place, table, number, surroundings({}), writes=True, log=log)
        except KeyboardInterrupt:
            raise InterruptedRunError("stopped: run the same command again to go on") from None
        if code:
            failed.append(number)
            notes.print(f"  failed with exit code {code}; see {log}", markup=False, highlight=False)
    if failed:
        raise InterruptedRunError(f"{len(failed)} of {len(left)} tasks failed; the same command runs them again")


def _carry_out(
    folder: Path, table: "Table", number: int, values: dict[str, str], *, writes: bool, log: Path | None
) -> int:
    """Run a task and keep its state. ``writes``: whether this process is the one that does, of several nodes."""
    from pluralign.jobs.carry_out import carry_out
    from pluralign.jobs.tasks import State, read_state, state_file
    from pluralign.poll.records import now
    from pluralign.store.files import write_text

    before = read_state(folder, number)
    state = State(started=now(), host=platform.node(), starts=before.starts + 1 if before else 1)

    def keep(state: State) -> None:
        if writes:
            write_text(state_file(folder, number), state.model_dump_json() + "\n")

    keep(state)
    try:
        code = carry_out(table.commands[number], table.directory, values, log)
    except UsageError:
        keep(state.model_copy(update={"finished": now(), "exit": 2}))
        raise
    keep(state.model_copy(update={"finished": now(), "exit": code}))
    return code


def _ids(folder: Path) -> list[str]:
    """SLURM's ids of what was submitted from a folder."""
    path = folder / IDS_FILE
    return path.read_text(encoding="utf-8").split() if path.exists() else []
