"""``pluralign train card, merge, export, push, accelerate-config``: what is done with a trained voice."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import typer

from pluralign.core.errors import MissingExtraError

_ADAPTER = typer.Argument(help="The folder that `pluralign train` wrote.")


@contextlib.contextmanager
def needs_train_extra() -> Iterator[None]:
    """Say which extra is missing where a library of training is."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in {"torch", "transformers", "trl", "peft", "datasets", "accelerate"}:
            raise
        raise MissingExtraError("training", "train") from None


def card(
    adapter: Path = _ADAPTER,
    run: Path = typer.Option(..., "--poll", help="Folder of a poll of this voice."),
    voice: str | None = typer.Option(
        None, help="How the names of its voices begin, such as adapter:DIR. Default: those that wear this folder."
    ),
) -> None:
    """Write what a poll found of a voice into its card (training.json and README.md).

    Example: pluralign train card runs/kenya --poll runs/poll-1a2b3c4d
    """
    with needs_train_extra():
        from pluralign.train.results import add_profile
    profile = add_profile(adapter, run, voice)
    peoples = len({line.collective for line in profile.lines})
    print(f"{adapter / 'README.md'}: measured on {profile.survey} against {peoples} peoples")


def merge(
    adapter: str = typer.Argument(help="Folder or hub name of an adapter."),
    out: Path = typer.Argument(help="Folder to write the model to."),
    model: str | None = typer.Option(None, help="Its base. Default: what the adapter says."),
    dtype: str | None = typer.Option(None, help="float32, bfloat16 or float16. Default: the base's."),
) -> None:
    """Merge an adapter into its base: a model by itself, as safetensors.

    Example: pluralign train merge runs/kenya runs/kenya-merged
    """
    from pluralign.cli.settings import cache_folder, quiet_libraries

    quiet_libraries()
    with needs_train_extra():
        from pluralign.train.results import merge as merge_adapter
    print(f"Model: {merge_adapter(adapter, out, model=model, dtype=dtype, cache_dir=cache_folder())}")


def export(
    model: Path = typer.Argument(help="Folder of a whole or merged model."),
    gguf: Path = typer.Option(..., "--gguf", help="File to write, for llama.cpp and Ollama."),
    tool: str | None = typer.Option(None, help="llama.cpp's convert_hf_to_gguf.py. Default: the one on the PATH."),
    numbers: str = typer.Option("f16", help="f32, f16, bf16 or q8_0."),
) -> None:
    """Export a merged model to GGUF, with llama.cpp's converter.

    Example: pluralign train export runs/kenya-merged --gguf kenya.gguf
    """
    with needs_train_extra():
        from pluralign.train.results import export_gguf
    print(f"GGUF: {export_gguf(model, gguf, tool=tool, numbers=numbers)}")


def push(
    adapter: Path = _ADAPTER,
    name: str = typer.Argument(help="OWNER/NAME on the Hugging Face hub."),
    public: bool = typer.Option(False, "--public", help="For everybody to see. Default: private."),
) -> None:
    """Put a trained voice on the hub, with its card. Needs `hf auth login`.

    Example: pluralign train push runs/kenya my-group/kenya
    """
    from pluralign.cli.settings import quiet_libraries

    quiet_libraries()
    with needs_train_extra():
        from huggingface_hub import HfApi

        from pluralign.train.results import push as push_adapter
    push_adapter(adapter, name, HfApi(), private=not public)
    print(f"https://huggingface.co/{name}")


def accelerate_config(
    name: str | None = typer.Argument(None, help="Print the place of this one."),
) -> None:
    """List the accelerate configurations that come with pluralign, or print where one lies.

    Example: accelerate launch --config_file $(pluralign train accelerate-config fsdp) -m pluralign train sft my.yaml
    """
    from pluralign.train.config import accelerate_file, accelerate_files

    if name is not None:
        print(accelerate_file(name))
        return
    for known, about in accelerate_files().items():
        print(f"{known}: {about}")
