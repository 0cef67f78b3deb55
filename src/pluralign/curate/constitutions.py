"""Constitutions from files, ours and other people's. Knows no model.

=================  =======================================================================================
form               what it looks like
=================  =======================================================================================
ours               ``format``, ``title``, ``principles`` (:class:`pluralign.core.constitution.Constitution`), as
                   ``pluralign graph charter`` writes it, or typed by hand
list               a list of ``{id, title, description, category?}``: the South African and Romanian sets of ``cai``
explained          a list of ``{principle, explanation, references, category}``: ``cai``'s earlier set
critique pairs     ``{harmful0: {prompt: [text], edit_request: text}, …}``: Bai et al. 2022
llm-swarm          ``{constitutions: [{critic, revision}, …], system_chat: […]}``: Hugging Face's
text               one principle a line, in a ``.txt`` file
=================  =======================================================================================

Every principle keeps its id, title, category and references; one that has no id is named by its place, from 1. A
malformed record is refused with its position and its keys, never repaired.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pluralign.core.chat import Message
from pluralign.core.constitution import Constitution, Origin, Principle, SomeText, Text, clean_text
from pluralign.core.documents import Document, parse, validate
from pluralign.core.errors import DataError
from pluralign.core.ids import text_hash
from pluralign.surveys.files import read_text


class Read(NamedTuple):
    """What a file holds."""

    constitution: Constitution
    chats: tuple[tuple[Message, ...], ...] = ()
    """Conversations that show how to critique and revise; only llm-swarm's form has them."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Form = TypeVar("Form", bound=_Form)


Id = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value), Field(min_length=1)]


class _Listed(_Form):
    id: Id
    title: SomeText
    description: Text = ""
    category: Text = ""
    references: tuple[SomeText, ...] = ()
    source: Text = ""
    licence: Text = ""


class _Explained(_Form):
    principle: SomeText
    explanation: SomeText
    references: tuple[SomeText, ...] = ()
    category: Text = ""


class _Pair(_Form):
    prompt: Annotated[tuple[SomeText, ...], Field(min_length=1, max_length=1)]
    edit_request: SomeText


class _Swarm(_Form):
    critic: SomeText
    revision: SomeText


class _Turn(_Form):
    role: str
    content: str


_LABEL = re.compile(r"^\s*(?:critique|revision)\s*request\s*:\s*|\s*(?:critique|revision)\s*:\s*$", re.IGNORECASE)


def read_constitution(path: Path) -> Read:
    """Read a file of any of these forms.

    Raises :class:`DataError` naming file, line, position and keys for a file of none of them or with a record that
    does not fit.
    """
    text = read_text(path)
    if path.suffix.lower() == ".txt":
        return Read(_of_lines(text, path))
    document = parse(text, str(path))
    data = document.data
    if isinstance(data, dict) and "principles" in data:
        return Read(validate(Constitution, document))
    if isinstance(data, dict) and "constitutions" in data:
        return _of_swarm(document, path, text)
    if isinstance(data, dict) and data and all(isinstance(value, dict) for value in data.values()):
        return Read(_imported(path, text, _pairs(document)))
    if isinstance(data, list) and data:
        return Read(_imported(path, text, _listed(document)))
    raise document.error(
        "this is no constitution: expected keys format, title and principles, a list of principles, or one of the "
        "forms in docs/curate.md"
    )


def _imported(path: Path, text: str, principles: list[Principle]) -> Constitution:
    origin = Origin(method="imported", source=path.name, source_hash=text_hash(text))
    try:
        return Constitution(title=path.stem, origin=origin, principles=tuple(principles))
    except ValidationError as error:
        raise DataError(error.errors()[0]["msg"].removeprefix("Value error, "), file=str(path)) from None


def _of_lines(text: str, path: Path) -> Constitution:
    lines = [line for line in map(clean_text, text.splitlines()) if line]
    principles = [Principle(id=str(place), description=line) for place, line in enumerate(lines, start=1)]
    return _imported(path, text, principles)


def _listed(document: Document) -> list[Principle]:
    explained = isinstance(document.data[0], dict) and "principle" in document.data[0]
    found = []
    for place in range(len(document.data)):
        if explained:
            one = _record(_Explained, document, (place,), place)
            found.append(
                Principle(
                    id=str(place + 1),
                    title=one.principle,
                    description=one.explanation,
                    category=one.category,
                    references=one.references,
                )
            )
        else:
            found.append(Principle(**_record(_Listed, document, (place,), place).model_dump()))
    return found


def _pairs(document: Document) -> list[Principle]:
    found = []
    for place, key in enumerate(document.data):
        one = _record(_Pair, document, (key,), place)
        found.append(Principle(id=key, critique_request=_bare(one.prompt[0]), revision_request=_bare(one.edit_request)))
    return found


def _of_swarm(document: Document, path: Path, text: str) -> Read:
    for key in document.data:
        if key not in ("constitutions", "system_chat"):
            raise document.error("llm-swarm's form has the keys 'constitutions' and 'system_chat' only", (key,))
    if not isinstance(document.data["constitutions"], list) or not document.data["constitutions"]:
        raise document.error("expected a list of {critic, revision}", ("constitutions",))
    principles = []
    for place in range(len(document.data["constitutions"])):
        one = _record(_Swarm, document, ("constitutions", place), place)
        principles.append(
            Principle(id=str(place + 1), critique_request=_bare(one.critic), revision_request=_bare(one.revision))
        )
    chats = []
    for at, chat in enumerate(document.data.get("system_chat") or []):
        if not isinstance(chat, list):
            raise document.error("expected a list of turns {role, content}", ("system_chat", at))
        turns = [_record(_Turn, document, ("system_chat", at, turn), turn) for turn in range(len(chat))]
        roles = [turn.role for turn in turns]
        if roles != ["user", "assistant"] * (len(turns) // 2) or not turns:
            raise document.error("turns must alternate between user and assistant", ("system_chat", at))
        chats.append(
            tuple(
                Message("user" if place % 2 == 0 else "assistant", clean_text(turn.content))
                for place, turn in enumerate(turns)
            )
        )
    return Read(_imported(path, text, principles), tuple(chats))


def _record(form: type[Form], document: Document, path: tuple[str | int, ...], place: int) -> Form:
    """One record of the file; ``place`` counts from 0."""
    data: Any = document.data
    for part in path:
        data = data[part]
    if not isinstance(data, dict):
        raise document.error(f"record {place}, counted from 0, has no keys", path)
    try:
        return form.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        wrong = first["loc"][0] if first["loc"] else ""
        keys = ", ".join(repr(key) for key in data)
        known = ", ".join(form.model_fields)
        what = {"missing": f"lacks {wrong!r}", "extra_forbidden": f"has an unknown key {wrong!r}"}.get(
            first["type"], f"has no good {wrong!r} ({first['msg']})"
        )
        at = path if first["type"] == "missing" else (*path, *first["loc"])
        raise document.error(
            f"record {place}, counted from 0, {what}; its keys are {keys}; known are {known}", at
        ) from None


def _bare(text: str) -> str:
    """A request without the labels of the transcript around it."""
    return clean_text(_LABEL.sub("", _LABEL.sub("", text)))


def written(constitution: Constitution) -> str:
    """A constitution as a file of our own form."""
    return json.dumps(constitution.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
