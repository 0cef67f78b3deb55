"""What the environment decides. The only module that reads it."""

import os
from pathlib import Path

import platformdirs

SETTINGS = {
    "PLURALIGN_CACHE": "Folder for converted models; default: the user's cache folder.",
    "OPENAI_API_KEY": "Key for a model behind a server (http:MODEL@URL), where it asks for one.",
}
"""Every variable there is, with what it does."""


def cache_folder() -> Path:
    """Where converted models are kept."""
    chosen = os.environ.get("PLURALIGN_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("pluralign"))


def api_key() -> str | None:
    """Key for a server, if the user has set one."""
    return os.environ.get("OPENAI_API_KEY") or None


def quiet_libraries() -> None:
    """Keep model libraries from phoning home and from drawing their own progress bars over ours."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
