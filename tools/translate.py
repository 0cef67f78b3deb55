"""Bring the site's translations up to date: collect its words into the .po files and compile them.

``python tools/translate.py`` needs gettext (apt-get install gettext). Words that are missing in a language are listed.
"""

import os
import sys
import tempfile
from pathlib import Path

import polib

ROOT = Path(__file__).parent.parent / "src" / "pluralign"
LOCALE = ROOT / "assembly" / "locale"
LANGUAGES = ("es", "ar")
# Organisers' pages and Django's admin are in English for now: their words are not collected.
LEFT_OUT = ["*/views_organise/*", "*/templates/assembly/organise/*", "*/services/organising.py"]


def collect() -> None:
    """Run Django's makemessages over the rooms that hold words."""
    from django.core.management import call_command

    from pluralign.assembly.settings import Site, configure

    configure(Site(folder=Path(tempfile.mkdtemp()), secret_key="collects words only, signs nothing at all"))
    os.chdir(ROOT)
    call_command(
        "makemessages",
        locale=list(LANGUAGES),
        extensions=["html", "py"],
        no_wrap=True,
        no_obsolete=True,
        add_location="file",
        ignore_patterns=["cli/*", "curate/*", "train/*", "serve/*", "report/*", "poll/*", "engines/*", *LEFT_OUT],
    )


def compile_all() -> int:
    """Write the .mo files; returns how many words have no translation."""
    missing = 0
    for language in LANGUAGES:
        path = LOCALE / language / "LC_MESSAGES" / "django.po"
        words = polib.pofile(str(path))
        open_ones = [*words.untranslated_entries(), *words.fuzzy_entries()]
        for entry in open_ones:
            sys.stderr.write(f"{language}: {entry.msgid!r}\n")
        missing += len(open_ones)
        words.save_as_mofile(str(path.with_suffix(".mo")))
    return missing


if __name__ == "__main__":
    for language in LANGUAGES:
        (LOCALE / language / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
    if "--compile" not in sys.argv:
        collect()
    sys.exit(1 if compile_all() else 0)
