"""The site's words: complete in every language, compiled, with nothing lost that is filled in."""

import ast
import re
from pathlib import Path
from typing import Any

import polib
import pytest
from django.test import Client
from django.utils.translation import override
from django.utils.translation.template import templatize

import pluralign.assembly
from pluralign.assembly.services.transitions import fixed_story
from pluralign.elicit import cards, interview, transitions

LOCALE = Path(pluralign.assembly.__file__).parent / "locale"
TEMPLATES = Path(pluralign.assembly.__file__).parent / "templates" / "assembly"
LANGUAGES = ["es", "ar"]
FILLED_IN = re.compile(r"%\(\w+\)[sd]")


def words(language: str) -> Any:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_translated_and_what_is_filled_in_is_kept(language: str) -> None:
    found = words(language)
    assert len(found) > 290
    assert found.untranslated_entries() == []
    assert found.fuzzy_entries() == []
    for entry in found:
        forms = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        for form in forms:
            assert sorted(FILLED_IN.findall(form)) == sorted(FILLED_IN.findall(entry.msgid)), entry.msgid
            assert form.strip()
            assert form.count("<bdi>") == entry.msgid.count("<bdi>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_that_of_the_text(language: str) -> None:
    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / "django.mo"))
    assert {entry.msgid: entry.msgstr for entry in compiled} == {
        entry.msgid: entry.msgstr for entry in words(language) if entry.msgid
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_participants_pages_and_of_the_interview_was_forgotten(language: str) -> None:
    known = {entry.msgid for entry in words(language)}
    asked = [text for fixed in interview.QUESTIONS.values() for text in fixed]
    told = [value for name, value in vars(cards).items() if name.isupper() and isinstance(value, str) and " " in value]
    for text in [*asked, *told, *transitions.FIXED_STORY]:
        assert text in known, text
    for path in TEMPLATES.rglob("*.html"):
        if "organise" in path.parts:
            continue
        for _quote, text in re.findall(r"""\{% translate (["'])(.+?)\1 %\}""", path.read_text(encoding="utf-8")):
            assert text in known, f"{path.name}: {text}: run tools/translate.py"


CALL = re.compile(r"""\b(?:_|gettext|ngettext|pgettext)\(\s*u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
MARKS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


def words_in(path: Path) -> set[str]:
    """Everything in a module or a template that is marked for translation."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return {ast.literal_eval(each) for each in CALL.findall(templatize(text))}
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


def test_everything_that_is_marked_is_in_both_languages() -> None:
    marked = {
        word: path.name
        for room in ("assembly", "elicit")
        for path in (LOCALE.parents[1] / room).rglob("*")
        if path.suffix in {".py", ".html"} and not {"organise", "views_organise", "migrations"} & set(path.parts)
        for word in words_in(path)
    }
    assert len(marked) > 290
    for language in LANGUAGES:
        known = {entry.msgid for entry in words(language)}
        missing = {word: place for word, place in marked.items() if word not in known}
        assert not missing, f"{language}: run tools/translate.py"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "direction", "word"), [("es", "ltr", "Antes de empezar"), ("ar", "rtl", "قبل أن تبدأ")]
)
def test_a_reader_gets_their_language_by_browser_or_by_choice(
    assembly: Any, language: str, direction: str, word: str
) -> None:
    page = Client(headers={"Accept-Language": language}).get("/a/example/join/").content.decode()
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert word in page
    chosen = Client()
    chosen.post("/language/", {"language": language, "next": "/a/example/join/"})
    assert word in chosen.get("/a/example/join/").content.decode()


@pytest.mark.django_db
def test_the_fixed_story_is_told_in_the_readers_language(joined: Any) -> None:
    from pluralign.assembly.models import Transition
    from tests.assembly import journey

    assert journey.story(joined)
    transition = Transition.objects.first()
    for language, word in (("es", "Antes me guiaba"), ("ar", "كنت أسترشد"), ("en", "I used to go by")):
        with override(language):
            told = " ".join(fixed_story(transition))
        assert word in told
        assert transition.source.title in told
        assert transition.candidate.policies[0] in told
