"""YAML and JSON text into validated objects, with errors that name file, line and field. Reads no file itself."""

from collections.abc import Hashable
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pluralign.core.errors import DataError, PluralignError, UnknownNameError

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class Document(NamedTuple):
    """Parsed text that still knows where everything stood."""

    data: Any
    """Plain Python data."""
    lines: dict[Path, int]
    """Path of keys and positions -> 1-based line."""
    file: str
    """What to call the text in messages."""

    def line(self, path: Path) -> int | None:
        """The line of the deepest part of ``path`` that stands in the text."""
        return next((self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines), None)

    def error(self, problem: str, path: Path = ()) -> DataError:
        """An error that points at ``path``."""
        return DataError(problem, file=self.file, line=self.line(path), field=dotted(path) or None)


def dotted(path: Path) -> str:
    """A path as people write it: ``questions[2].options``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse(text: str, file: str) -> Document:
    """Parse YAML (JSON is a part of it). Raises :class:`DataError` on bad syntax, a key used twice, or no content."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        reason = (error.problem or "not valid YAML").replace("\t", "a tab")
        raise DataError(f"not valid YAML: {reason}", file=file, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise DataError(f"not valid YAML: {error}", file=file) from None
    if root is None or data is None:
        raise DataError("the file is empty", file=file)
    lines: dict[Path, int] = {}
    _note_lines(root, (), lines, file)
    return Document(data, lines, file)


def _note_lines(node: yaml.Node, path: Path, lines: dict[Path, int], file: str) -> None:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            name = key.value
            if not isinstance(name, str):
                raise DataError("a key must be plain text", file=file, line=key.start_mark.line + 1)
            if name in seen:
                raise DataError("the key is used twice", file=file, line=key.start_mark.line + 1, field=name)
            seen.add(name)
            _note_lines(value, (*path, name), lines, file)
            lines[(*path, name)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _note_lines(item, (*path, position), lines, file)


def validate(model: type[Model], document: Document) -> Model:
    """Build ``model`` from a document. Raises :class:`DataError` for the first thing that is wrong, where it stands."""
    if not isinstance(document.data, dict):
        raise document.error(f"expected keys and values, found {_kind(document.data)}")
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = error.errors()
        # A mistyped key is also a missing one: name the one that stands there.
        first = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
        path = _path_in_document(document, first["loc"])
        if first["type"] == "extra_forbidden":
            known = _field_names(model, path[:-1])
            raise document.error(_unknown_key(str(path[-1]), known), path) from None
        if first["type"] == "missing":
            raise document.error(f"the key {first['loc'][-1]!r} is missing", path) from None
        problem = first["msg"].removeprefix("Value error, ")
        shown = "" if first["type"] == "value_error" else f"; got {_short(first['input'])}"
        raise document.error(problem[:1].lower() + problem[1:] + shown, path) from None
    except DataError:
        raise
    except PluralignError as error:  # raised by validators: they know the problem, this knows the file
        raise document.error(str(error)) from None


def _path_in_document(document: Document, location: tuple[str | int, ...]) -> Path:
    """Pydantic's location without the tags it adds for unions, so that it is a path in the text."""
    path: Path = ()
    here = document.data
    for part in location:
        inside = (isinstance(here, dict) and part in here) or (isinstance(here, list) and isinstance(part, int))
        if inside:
            path, here = (*path, part), here[part]
    return path


def _field_names(model: type[BaseModel], path: Path) -> list[str]:
    here: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        field = here.model_fields.get(part) if isinstance(here, type) and issubclass(here, BaseModel) else None
        here = next(iter(_models_in(field.annotation)), None) if field is not None else None
    if not (isinstance(here, type) and issubclass(here, BaseModel)):
        return []
    return sorted(field.alias or name for name, field in here.model_fields.items())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _unknown_key(key: str, known: list[str]) -> str:
    return str(UnknownNameError("key", key, known)).removesuffix(".")


def _kind(data: Any) -> str:
    return {list: "a list", str: "text", int: "a number", float: "a number"}.get(type(data), type(data).__name__)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
