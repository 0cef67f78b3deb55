"""``pluralign serve``: voices behind an OpenAI-compatible server and a chat page."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from pluralign.core.errors import ModelError, PluralignError, UsageError

if TYPE_CHECKING:
    from pluralign.engines.live import Live
    from pluralign.serve.shelf import Shelf

app = typer.Typer()
keys = typer.Typer(help="API keys of a server.", no_args_is_help=True)
app.add_typer(keys, name="keys")

LOCAL = ("127.0.0.1", "localhost", "[::1]")


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    model: str = typer.Option(
        "smollm2", help="smollm2, a hub name, a folder, a GGUF file, http:MODEL@URL, or scripted:RULE."
    ),
    survey: str | None = typer.Option(None, help="Gives one voice for each people of this survey: world-mini, …"),
    voices: Path | None = typer.Option(None, help="Folder of voice files (YAML); read again when it changes."),
    voice: str = typer.Option("persona", help="How the survey's peoples are spoken for: persona, plain, adapter:DIR."),
    run: list[Path] = typer.Option(
        [], "--run", help="Folder of a finished poll of these voices; shows how faithful they are. May be repeated."
    ),
    default: str = typer.Option("", help="The voice that answers where a request names none. Default: the bare model."),
    name: str = typer.Option("", help="What stands before the @ in voices' names. Default: from the model's name."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on. Others than this machine's own need keys."),
    port: int = typer.Option(8000, min=0, max=65535, help="0: any free one."),
    host_name: list[str] = typer.Option([], help="Name by which clients reach the server. May be repeated."),
    cors: list[str] = typer.Option([], help="Origin of another site whose pages may use the server. May be repeated."),
    api_keys: Path | None = typer.Option(None, "--keys", help="File of API keys; without it, everybody may ask."),
    requests_per_minute: int | None = typer.Option(None, min=1, help="Per key, or per address without keys."),
    tokens_per_minute: int | None = typer.Option(None, min=1, help="Per key, or per address without keys."),
    max_tokens: int = typer.Option(1024, min=1, help="Longest reply."),
    max_body: int = typer.Option(1_000_000, min=1000, help="Largest request in bytes."),
    at_once: int | None = typer.Option(None, min=1, help="Replies spoken at once. Default: 16 here, 64 at a server."),
    most_waiting: int = typer.Option(256, min=0, help="Replies that may wait; more are turned away."),
    device: str = typer.Option("auto", help="cpu, cuda, mps or auto."),
    dtype: str = typer.Option("auto", help="float32, bfloat16, float16 or auto."),
    chat_template: str | None = typer.Option(None, help="'plain' for a base model without a chat template."),
    threads: int | None = typer.Option(None, min=1, help="Processor threads for a model that runs here."),
) -> None:
    """Put voices behind an OpenAI-compatible server and a chat page.

    Example: pluralign serve --model smollm2 --survey world-mini --run runs/poll-1a2b3c4d
    """
    if context.invoked_subcommand is not None:
        return
    from pluralign.cli.settings import api_key, cache_folder, quiet_libraries
    from pluralign.surveys import load

    quiet_libraries()
    uvicorn = _uvicorn()
    from pluralign.engines.open import open_engine
    from pluralign.serve.app import create_app
    from pluralign.serve.keys import Keyring
    from pluralign.serve.settings import Options
    from pluralign.serve.shelf import Shelf, base_name
    from pluralign.serve.topics import Topics

    notes = Console(stderr=True)
    if api_keys is None and host not in {"127.0.0.1", "localhost", "::1"}:
        raise UsageError(
            f"a server at {host!r} can be reached by others: make a key (pluralign serve keys add NAME) and give "
            "--keys FILE, or listen on 127.0.0.1"
        )
    if api_keys is not None and not api_keys.is_file():
        raise UsageError(f"there are no keys in {str(api_keys)!r}: make one with pluralign serve keys add NAME")
    opened: dict[str, Live] = {}

    def open_live(wanted: str) -> "Live":
        if wanted not in opened:
            with notes.status(f"Loading {wanted} …"):
                engine = open_engine(
                    wanted,
                    device=device,
                    dtype=dtype,
                    chat_template=chat_template,
                    cache_dir=cache_folder(),
                    threads=threads,
                    api_key=api_key(),
                    concurrency=at_once or 64,
                )
            opened[wanted] = _live(engine, at_once, most_waiting)
        return opened[wanted]

    shelf = Shelf(
        open_live,
        model=model,
        base=name or base_name(model),
        folder=voices,
        survey=None if survey is None else load(survey),
        load_survey=load,
        way_text=voice,
        runs=tuple(run),
        default=default,
    )
    _tell(notes, shelf)
    options = Options(
        cors=tuple(cors),
        hosts=(*LOCAL, *host_name) if host in {"127.0.0.1", "localhost", "::1"} or host_name else ("*",),
        max_body=max_body,
        max_tokens=max_tokens,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
    )
    app = create_app(
        shelf,
        options,
        keyring=None if api_keys is None else Keyring(api_keys),
        topics=Topics(_embedding(notes)),
        watch=None if voices is None else _watching(shelf),
        on_reload=lambda changed: _tell(notes, changed),
    )
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5, timeout_keep_alive=75,
        server_header=False, h11_max_incomplete_event_size=64_000,
    )  # fmt: skip
    server = uvicorn.Server(config)
    sockets = [_bind(config, host, port)]
    print(f"Listening on http://{'[::1]' if host == '::1' else host}:{sockets[0].getsockname()[1]}", flush=True)
    try:
        server.run(sockets=sockets)
    finally:
        for live in opened.values():
            live.close()


@keys.command("add")
def add(
    name: str = typer.Argument(help="Whose key it is."),
    file: Path = typer.Option(Path("keys.json"), "--keys", help="File of keys."),
    requests_per_minute: int | None = typer.Option(None, min=1, help="Overrides the server's limit for this key."),
    tokens_per_minute: int | None = typer.Option(None, min=1, help="Overrides the server's limit for this key."),
) -> None:
    """Make a key. It is shown once; the file keeps its hash only.

    Example: pluralign serve keys add website --requests-per-minute 60
    """
    from pluralign.serve.keys import add_key

    made = add_key(file, name, requests_per_minute=requests_per_minute, tokens_per_minute=tokens_per_minute)
    print(made.secret)
    Console(stderr=True).print(f"The key of {name!r}, shown this once. Its hash is in {file}.", highlight=False)


@keys.command("list")
def list_keys(file: Path = typer.Option(Path("keys.json"), "--keys", help="File of keys.")) -> None:
    """List whose keys there are.

    Example: pluralign serve keys list
    """
    from pluralign.serve.keys import read_keys

    for key in read_keys(file):
        limits = [
            f"{amount:,} {what} a minute"
            for amount, what in ((key.requests_per_minute, "requests"), (key.tokens_per_minute, "tokens"))
            if amount is not None
        ]
        print(f"{key.name}  made {key.created[:10]}{''.join(f', {limit}' for limit in limits)}")


@keys.command("remove")
def remove(
    name: str = typer.Argument(help="Whose key to remove."),
    file: Path = typer.Option(Path("keys.json"), "--keys", help="File of keys."),
) -> None:
    """Remove a key; a running server refuses it from then on.

    Example: pluralign serve keys remove website
    """
    from pluralign.serve.keys import remove_key

    remove_key(file, name)
    print(f"Removed the key of {name!r}.")


def _uvicorn() -> Any:
    from pluralign.core.errors import MissingExtraError

    try:
        import limits  # noqa: F401
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
    except ModuleNotFoundError:
        raise MissingExtraError("pluralign serve", "serve") from None
    return uvicorn


def _live(engine: Any, at_once: int | None, most_waiting: int) -> "Live":
    """The engine, able to speak many replies at once."""
    from pluralign.engines.live import Threaded

    if engine.describe()["engine"] != "local":
        return Threaded(engine, concurrency=at_once or 64, most_waiting=most_waiting)
    from pluralign.engines.continuous import ROWS, Continuous

    return Continuous(engine, rows=at_once or ROWS, most_waiting=most_waiting)


def _embedding(notes: Console) -> Any:
    from pluralign.surveys.similar import e5

    try:
        return e5()
    except (PluralignError, OSError) as error:
        notes.print(f"Note: topics of questions are not found: {error}", highlight=False)
        return None


def _watching(shelf: "Shelf") -> Callable[[], AsyncIterator[object]]:
    from watchfiles import awatch

    async def watch() -> AsyncIterator[object]:
        while True:
            folders = shelf.folders
            async for changes in awatch(*folders, recursive=False):
                yield changes
                if shelf.folders != folders:  # a voice now rests on files elsewhere
                    break

    return watch


def _bind(config: Any, host: str, port: int) -> Any:
    try:
        bound = config.bind_socket()
        bound.listen(config.backlog)  # from here on whoever connects waits instead of being refused
        return bound
    except (OSError, SystemExit):
        raise ModelError(f"cannot listen on {host}:{port}: it is taken, or may not be used; give --port") from None


def _tell(notes: Console, shelf: "Shelf") -> None:
    contents = shelf.contents
    names = list(contents.voices)
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    notes.print(f"{len(names)} voices: {shown}; the default is {contents.default}", highlight=False)
    for problem in contents.problems.values():
        notes.print(f"Left out: {problem}", highlight=False, style="yellow")
