"""``pluralign assembly``: run the site where people deliberate."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pluralign.cli import settings
from pluralign.core.errors import DataError, InterruptedRunError, MissingExtraError, UsageError
from pluralign.store.files import make_folder, write_whole

if TYPE_CHECKING:
    from pluralign.assembly.settings import Site

app = typer.Typer(help="A site where a public articulates what it values.", no_args_is_help=True)
FOLDER = typer.Option(
    None,
    help="Where the site keeps its database and its secret key. Default: PLURALIGN_ASSEMBLY_FOLDER, or ./assembly.",
)
ADDRESS = "address"
"""File in the site's folder that holds where it was served last."""


def site(folder: Path | None = None, *, public_url: str = "", engine: str = "", debug: bool = False) -> "Site":
    """The site as the environment and these flags describe it. Makes the folder and, once, its secret key."""
    try:
        from pluralign.assembly.settings import Site
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in {"django", "csp", "dj_database_url"}:
            raise
        raise MissingExtraError("the assembly", "assembly") from None
    told = settings.assembly()
    chosen = folder or told.folder
    chosen.mkdir(parents=True, exist_ok=True)
    address = (public_url or told.public_url).rstrip("/")
    hosts = tuple(dict.fromkeys(["127.0.0.1", "localhost", "[::1]", *told.hosts, *_host_of(address)]))
    return Site(
        folder=chosen.resolve(),
        secret_key=told.secret_key or _secret_key(chosen / "secret.key"),
        database_url=told.database_url,
        public_url=address,
        hosts=hosts,
        email_url=told.email_url,
        email_from=told.email_from,
        engine=engine or told.engine,
        engine_key=settings.api_key(),
        embedder=told.embedder,
        language=told.language,
        behind_proxy=told.behind_proxy,
        joins_per_hour=told.joins_per_hour,
        debug=debug,
    )


def _host_of(address: str) -> list[str]:
    from urllib.parse import urlsplit

    host = urlsplit(address).hostname
    return [host] if host else []


def _secret_key(path: Path) -> str:
    """The key in the file; a new one, which only the owner may read, where there is none."""
    import os
    import secrets

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


@app.command()
def serve(
    folder: Path | None = FOLDER,
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, min=1, max=65535, help="Port to listen on."),
    engine: str = typer.Option(
        "", help="Model that asks: http:MODEL@URL, smollm2, … Without one, people answer a guided form."
    ),
    public_url: str = typer.Option("", help="Where people reach the site, such as https://assembly.example.org."),
    threads: int = typer.Option(32, min=2, help="Requests answered at once."),
    worker: bool = typer.Option(True, help="Also run a worker for background tasks."),
    example: bool = typer.Option(True, help="Plant an example assembly on an empty site."),
) -> None:
    """Serve the site. On an empty machine it makes its own database, with an example to try.

    Example: pluralign assembly serve
    """
    address = public_url or f"http://{host}:{port}"
    found = site(folder, public_url=public_url or settings.assembly().public_url or address, engine=engine)
    from pluralign.assembly import site as running

    running.prepare(found, example=example)
    (found.folder / ADDRESS).write_text(found.public_url, encoding="utf-8")
    helper = _start_worker(found, engine) if worker else None

    def ready() -> None:
        print(f"The site is at {found.public_url}/")
        print(f"Organisers come in at {running.organiser_link(found)} (works once, within a day)")
        print("Stop with Ctrl-C.", flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the worker is stopped too
    try:
        running.serve(found, host=host, port=port, threads=threads, ready=ready)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from None
    finally:
        if helper is not None:
            helper.terminate()
            helper.wait(timeout=30)


def _start_worker(found: "Site", engine: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pluralign", "assembly", "worker", "--folder", str(found.folder)]
    return subprocess.Popen([*command, "--engine", engine] if engine else command)


@app.command()
def worker(
    folder: Path | None = FOLDER,
    engine: str = typer.Option("", help="Model that writes stories. Default: PLURALIGN_ASSEMBLY_ENGINE."),
    until_empty: bool = typer.Option(False, "--until-empty", help="Stop when no task is left."),
    interval: float = typer.Option(1.0, min=0.05, help="Seconds between looks at an empty queue."),
) -> None:
    """Work through background tasks: similar values, new pairs, stories. Several may run at once."""
    found = site(folder, engine=engine)
    from pluralign.assembly import site as running

    running.work(found, until_empty=until_empty, interval=interval)


@app.command()
def enter(
    folder: Path | None = FOLDER,
    public_url: str = typer.Option("", help="Where people reach the site. Default: where it was served last."),
) -> None:
    """Print a link by which the person who runs this site comes in as organiser."""
    known = (folder or settings.assembly().folder) / ADDRESS
    served = known.read_text(encoding="utf-8").strip() if known.exists() else ""
    found = site(folder, public_url=public_url or settings.assembly().public_url or served)
    from pluralign.assembly import site as running

    running.prepare(found, example=False)
    print(running.organiser_link(found))


@app.command()
def export(
    slug: str = typer.Argument(help="Name of the assembly, as in its address."),
    out: Path = typer.Option(..., help="New or empty folder for the files."),
    k: int | None = typer.Option(
        None, "--k", min=1, max=100, help="Fewest people who share what is told. Default: what the assembly says."
    ),
    linked: bool = typer.Option(False, "--linked", help="Number the people in judgements.csv: not anonymous."),
    folder: Path | None = FOLDER,
) -> None:
    """Write an assembly's graphs and tables, k-anonymous, with a README that says what was left out.

    Example: pluralign assembly export example --out results
    """
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise UsageError(f"{str(out)!r} cannot be read ({error.strerror}): choose another --out") from None
    if taken:
        raise UsageError(f"{str(out)!r} is not an empty folder: choose another --out")
    found = _existing(slug, folder)
    from pluralign.assembly.services import export_files

    made = export_files.export(found, k=found.privacy_threshold if k is None else k, by=None, linked=linked)
    _write_all(make_folder(out), made.files)
    print(f"{len(made.files)} files in {out}; {made.edges} edges in the graphs. README.md says what was left out.")


def _write_all(out: Path, files: Mapping[str, bytes]) -> None:
    """Write all files or none. Raises UsageError, since an export is begun anew, not resumed."""
    try:
        for name, content in files.items():
            write_whole(out / name, partial(_write, content))
    except (InterruptedRunError, DataError) as error:
        for name in files:
            (out / name).unlink(missing_ok=True)
        raise UsageError(f"nothing was exported: {error}; make room, or choose another --out") from None


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


@app.command("import")
def bring(
    slug: str = typer.Argument(help="Name of the assembly, as in its address."),
    file: Path = typer.Argument(
        help="Seeds (.csv, .yaml, .json), or a Polis export: its folder, its ZIP or its comments.csv."
    ),
    question: str = typer.Option("", help="Question of rows that name none. Default: every question."),
    proposed: bool = typer.Option(False, "--proposed", help="A moderator looks at each before it is shown."),
    skip_bad: bool = typer.Option(False, "--skip-bad", help="Bring the rest where some rows cannot be used."),
    folder: Path | None = FOLDER,
) -> None:
    """Bring values into an assembly. They are marked as seeds and counted as nobody's.

    Example: pluralign assembly import example seeds.csv
    """
    from pluralign.core.errors import UnknownNameError

    path = file / "comments.csv" if file.is_dir() else file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    found = _existing(slug, folder)
    from pluralign.assembly.services import importing
    from pluralign.assembly.services.joining import Refused
    from pluralign.elicit import seeds

    questions = {each.slug: each for each in found.questions.all()}
    if question and question not in questions:
        raise UnknownNameError("question", question, questions)
    read = seeds.read(path.name, content)
    try:
        done = importing.bring(
            found, read, by=None, question=questions.get(question), proposed=proposed, skip_faults=skip_bad
        )
    except Refused as refusal:
        raise UsageError(f"nothing was brought (--skip-bad brings the rest):\n{refusal}") from None
    for sentence in (*(f"left out: {fault}" for fault in done.faults), *read.left_out):
        print(sentence)
    print(f"{done.made} values brought, {done.there_already} there already.")


def _existing(slug: str, folder: Path | None) -> Any:
    """The assembly of that name. Raises UnknownNameError; makes no site where there is none."""
    from pluralign.core.errors import UnknownNameError

    told = settings.assembly()
    chosen = folder or told.folder
    if not told.database_url and not (chosen / "assembly.sqlite3").exists():
        raise UsageError(f"there is no assembly in {str(chosen)!r}: name its folder with --folder")
    found = site(folder)
    from pluralign.assembly import site as running

    running.prepare(found, example=False)
    from pluralign.assembly.models import Assembly

    assembly = Assembly.objects.filter(slug=slug).first()
    if assembly is None:
        raise UnknownNameError("assembly", slug, Assembly.objects.values_list("slug", flat=True))
    return assembly


def application() -> Any:
    """The site for another WSGI server: gunicorn 'pluralign.cli.assembly:application()'."""
    from pluralign.assembly import site as running

    found = site()
    running.prepare(found)
    return running.application(found)
