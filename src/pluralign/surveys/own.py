"""Your own survey from a YAML file; a CSV file goes to the long table. docs/surveys.md has the formats.

Answers stand in the YAML itself, or in a file beside it: one row per respondent, or a long table. Errors name file,
line and field. Knows no survey in particular.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution
from pluralign.core.documents import Document, parse, validate
from pluralign.core.errors import DistributionError, UnknownNameError
from pluralign.core.question import NonEmpty, Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.surveys import countries, people
from pluralign.surveys.files import read_text
from pluralign.surveys.long_table import COLUMNS, LISTS, load_csv
from pluralign.surveys.microdata import Asked, read_table, tabulate


class _Question(BaseModel):
    """One entry of ``questions``. Options and references have several forms and are read by hand, below."""

    model_config = ConfigDict(extra="forbid")

    id: NonEmpty
    text: NonEmpty
    options: list[Any]
    scale: Scale | None = None
    topic: str = ""
    missing: dict[int, str] = Field(default_factory=dict)
    references: dict[str, Any] = Field(default_factory=dict)
    column: str = ""


class _Respondents(BaseModel):
    """A file with one row per respondent. Questions name their column, or have its name for an id."""

    model_config = ConfigDict(extra="forbid")

    file: NonEmpty
    group: NonEmpty
    weight: str = ""
    not_asked: list[int] = Field(default_factory=list)
    groups: dict[str | int, str] = Field(default_factory=dict)


class _Table(BaseModel):
    """A long table, and what its columns are called."""

    model_config = ConfigDict(extra="forbid")

    file: NonEmpty
    columns: dict[str, str] = Field(min_length=2)
    scale: Scale | None = None
    missing: list[str] = Field(default_factory=list)


class _File(BaseModel):
    """The keys of the file."""

    model_config = ConfigDict(extra="forbid")

    name: NonEmpty
    questions: list[_Question] = Field(default_factory=list)
    collectives: list[Any] = Field(default_factory=list)
    title: str = ""
    citation: str = ""
    licence: str = ""
    notes: str = ""
    respondents: _Respondents | None = None
    table: _Table | None = None
    traits: dict[NonEmpty, dict[NonEmpty, Literal[1, -1]]] = Field(default_factory=dict)


class _Row(BaseModel):
    """The long form of a reference."""

    model_config = ConfigDict(extra="forbid")

    shares: Any = None
    counts: Any = None
    n: float | None = Field(default=None, gt=0)
    refused: float | None = Field(default=None, ge=0, le=1)


class _CollectiveFile(BaseModel):
    """Lets one entry of ``collectives`` be checked where it stands."""

    model_config = ConfigDict(extra="forbid")

    collectives: list[Collective]


def load_own(path: Path | str) -> Survey:
    """The survey of a .yaml or .yml file, or of a long table in .csv.

    Shares that sum to one within 0.005 are scaled to one, which ``notes`` says. Raises
    :class:`pluralign.core.errors.DataError` for everything else that does not fit, naming file, line and field.
    """
    path = Path(path)
    text = read_text(path)
    if path.suffix.lower() == ".csv":
        return load_csv(text, file=str(path), name=path.stem)
    return parse_yaml(text, file=str(path))


def parse_yaml(text: str, *, file: str) -> Survey:
    """The survey of a YAML text. ``file``: what messages call it."""
    document = parse(text, file)
    content = validate(_File, document)
    if content.table is not None:
        return _from_table(document, content, content.table)
    if not content.questions:
        raise document.error("there is no question", ("questions",) if "questions" in document.data else ())
    collectives = _collectives(document, content.collectives)
    questions: dict[str, Question] = {}
    for at, entry in enumerate(content.questions):
        if entry.id in questions:
            raise document.error(f"the question id {entry.id!r} is used twice", ("questions", at, "id"))
        questions[entry.id] = _question(document, at, entry)
    if content.respondents is not None:
        answers = _from_respondents(document, content, content.respondents, questions, collectives)
    else:
        answers = _from_references(document, content, questions, collectives)
    return Survey(
        name=content.name,
        title=content.title,
        questions=tuple(questions.values()),
        collectives=answers.collectives,
        references=answers.references,
        traits=_traits(document, content, questions),
        citation=content.citation,
        licence=content.licence,
        notes=" ".join(filter(None, (content.notes.strip(), answers.note))),
    )


def _traits(document: Document, content: _File, questions: Mapping[str, Question]) -> dict[str, dict[str, int]]:
    """Which questions are scored as which trait, checked where they stand."""
    for trait, keys in content.traits.items():
        if not keys:
            raise document.error("names no question", ("traits", trait))
        for key in keys:
            where = ("traits", trait, key)
            if key not in questions:
                raise document.error(str(UnknownNameError("question", key, questions)), where)
            question, first = questions[key], questions[next(iter(keys))]
            if not question.scale.ordered:
                raise document.error(f"the options of {key!r} have no order: give it scale 'ordinal'", where)
            if len(question.options) != len(first.options):
                raise document.error(
                    f"{key!r} has {len(question.options)} options and {first.id!r} {len(first.options)}: all questions "
                    "of a trait need equally many",
                    where,
                )
    return {trait: dict(keys) for trait, keys in content.traits.items()}


class _Answers(NamedTuple):
    collectives: tuple[Collective, ...]
    references: dict[str, dict[str, Distribution]]
    note: str


def _from_references(
    document: Document, content: _File, questions: Mapping[str, Question], collectives: tuple[Collective, ...]
) -> _Answers:
    """What stands under ``references`` in the YAML itself."""
    known = {collective.id for collective in collectives}
    references: dict[str, dict[str, Distribution]] = {}
    rows = []
    for at, entry in enumerate(content.questions):
        if entry.column:
            raise document.error("a column belongs to 'respondents', and there are none", ("questions", at, "column"))
        for collective_id, answers in entry.references.items():
            where = ("questions", at, "references", collective_id)
            if collective_id not in known:
                raise document.error(str(UnknownNameError("collective", collective_id, known)), where)
            row = _reference(document, where, answers, questions[entry.id])
            references.setdefault(collective_id, {})[entry.id] = row.distribution
            rows.append(row)
    return _Answers(collectives, references, people.rounding_note(rows))


def _from_respondents(
    document: Document,
    content: _File,
    source: _Respondents,
    questions: Mapping[str, Question],
    collectives: tuple[Collective, ...],
) -> _Answers:
    """Answers of a file with one row per respondent. Without ``collectives`` every group of the file is one."""
    asked = []
    for at, entry in enumerate(content.questions):
        if entry.references:
            problem = "answers stand here and under 'respondents'; keep one of the two"
            raise document.error(problem, ("questions", at, "references"))
        question = questions[entry.id]
        codes = tuple(option.id for option in question.options)
        asked.append(
            Asked(question, entry.column or entry.id, codes, frozenset(entry.missing), frozenset(source.not_asked))
        )
    table = read_table(
        Path(document.file).parent / source.file,
        group=source.group,
        weight=source.weight or None,
        columns=[one.column for one in asked],
    )
    tabulated = tabulate(table, asked)
    for column, codes_found in tabulated.strange.items():
        at = next(at for at, one in enumerate(asked) if one.column == column)
        code, count = next(iter(codes_found.items()))
        raise document.error(
            f"{source.file} has the code {code} in column {column!r} ({count} respondents); "
            "list it as an option, under 'missing' or under 'not_asked'",
            ("questions", at),
        )
    found: dict[str, Collective] = {}
    called = {str(group): name for group, name in source.groups.items()}
    for group in tabulated.references:
        name = called.get(group, group)
        collective = (
            next((one for one in collectives if name in (one.id, one.name)), None)
            if collectives
            else countries.collective_of(name)
        )
        if collective is not None and collective in found.values():
            raise document.error(f"two groups of {source.file} are called {name!r}", ("respondents",))
        if collective is not None:
            found[group] = collective
    left_out = [group for group in tabulated.references if group not in found]
    absent = [collective.id for collective in collectives if collective not in found.values()]
    if absent:
        raise document.error(
            f"nobody in {source.file} belongs to {absent[0]!r}; "
            f"its column {source.group!r} holds {', '.join(list(tabulated.references)[:5])}",
            ("collectives",),
        )
    return _Answers(
        collectives or tuple(found.values()),
        {found[group].id: answers for group, answers in tabulated.references.items() if group in found},
        f"Groups of {source.file} left out: {', '.join(left_out)}." if left_out else "",
    )


def _from_table(document: Document, content: _File, source: _Table) -> Survey:
    """The questions and answers of a long table, under the names that the YAML gives its columns."""
    for key in ("questions", "collectives", "respondents"):
        if document.data.get(key):
            raise document.error(f"the table holds questions and groups; leave out {key!r}", (key,))
    for column in source.columns:
        if column not in COLUMNS and column not in LISTS:
            problem = str(UnknownNameError("column", column, [*COLUMNS, *LISTS]))
            raise document.error(problem, ("table", "columns", column))
    path = Path(document.file).parent / source.file
    survey = load_csv(
        read_text(path),
        file=str(path),
        name=content.name,
        columns=source.columns,
        scale=source.scale,
        missing=source.missing,
    )
    return survey.model_copy(
        update={
            "title": content.title,
            "traits": _traits(document, content, {question.id: question for question in survey.questions}),
            "citation": content.citation,
            "licence": content.licence,
            "notes": " ".join(filter(None, (content.notes.strip(), survey.notes))),
        }
    )


def _collectives(document: Document, entries: list[Any]) -> tuple[Collective, ...]:
    found: dict[str, Collective] = {}
    for at, entry in enumerate(entries):
        where = ("collectives", at)
        if isinstance(entry, str):
            known = countries.country(entry)
            if known is None:
                raise document.error(f"{entry!r} is no country code; write a group as {{id: …, name: …}}", where)
            collective = known
        elif isinstance(entry, dict):
            # Checked in place of the whole list, so that positions in messages stay those of the text.
            filler = {"id": "x", "name": "x"}
            only = {"collectives": [*[filler] * at, entry]}
            collective = validate(_CollectiveFile, document._replace(data=only)).collectives[at]
        else:
            raise document.error("expected a country code or a group with id and name", where)
        if collective.id in found:
            raise document.error(f"the collective id {collective.id!r} is used twice", where)
        found[collective.id] = collective
    return tuple(found.values())


def _question(document: Document, at: int, entry: _Question) -> Question:
    options = []
    # A scale of numbers in quotes is a scale of numbers: its codes must be the numbers it shows.
    numbers = all(isinstance(option, str) and option.strip().isdecimal() for option in entry.options)
    for position, option in enumerate(entry.options):
        where = ("questions", at, "options", position)
        if isinstance(option, bool):
            raise document.error("YAML reads yes, no, on and off as true and false; put the option in quotes", where)
        if isinstance(option, int):
            options.append(Option(id=option, text=str(option)))
        elif isinstance(option, str):
            if not option.strip():
                raise document.error("an option needs a wording", where)
            options.append(Option(id=int(option) if numbers else position + 1, text=option))
        elif isinstance(option, dict):
            try:
                options.append(Option.model_validate(option))
            except ValidationError as error:
                first = error.errors()[0]
                field = tuple(part for part in first["loc"])
                raise document.error(first["msg"][:1].lower() + first["msg"][1:], (*where, *field)) from None
        else:
            raise document.error(f"expected the option's wording, or {{id: …, text: …}}; got {option!r}", where)
    scale = entry.scale
    if scale is None:
        if len(options) > 2:
            choices = ", ".join(Scale)
            raise document.error(f"a question with more than two options needs a scale: {choices}", ("questions", at))
        scale = Scale.NOMINAL  # of two options all distances agree
    try:
        return Question(
            id=entry.id,
            text=entry.text,
            options=tuple(options),
            scale=scale,
            topic=entry.topic,
            missing=entry.missing,
        )
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise document.error(problem, ("questions", at, "options")) from None


def _reference(document: Document, where: tuple[str | int, ...], answers: Any, question: Question) -> people.Row:
    kind: people.Kind | None = None
    n = refused = None
    if isinstance(answers, dict) and answers.keys() & {"shares", "counts"}:
        try:
            row = _Row.model_validate(answers)
        except ValidationError as error:
            first = error.errors()[0]
            raise document.error(first["msg"][:1].lower() + first["msg"][1:], (*where, *first["loc"])) from None
        if (row.shares is None) is (row.counts is None):
            raise document.error("write either shares or counts", where)
        kind = people.Kind.SHARES if row.counts is None else people.Kind.COUNTS
        n, refused, answers = row.n, row.refused, row.shares if row.counts is None else row.counts
        where = (*where, kind.value)
    if isinstance(answers, list):
        if len(answers) != len(question.options):
            raise document.error(
                f"{len(answers)} numbers for {question.id!r}, which has {len(question.options)} options", where
            )
        numbers, missing = answers, 0.0
    elif isinstance(answers, dict):
        numbers, missing = _by_option(document, where, answers, question)
    else:
        raise document.error("expected a list of numbers, one per option, or option: number", where)
    if missing and refused is not None:
        raise document.error("missing codes and 'refused' say the same; keep one of them", where)
    try:
        return people.distribution(numbers, kind, missing=missing, refused=refused, n=n)
    except DistributionError as error:
        raise document.error(str(error), where) from None


def _by_option(
    document: Document, where: tuple[str | int, ...], answers: Mapping[Any, Any], question: Question
) -> tuple[list[Any], float]:
    """Numbers in the order of the options, zero for those left out, and what stands at missing codes."""
    numbers: list[Any] = [None] * len(question.options)
    missing = 0.0
    codes = {name for code, meaning in question.missing.items() for name in (str(code), meaning)}
    for key, value in answers.items():
        name = str(key)
        named = [at for at, option in enumerate(question.options) if name in (option.text, str(option.id))]
        if len(named) > 1:
            raise document.error(f"{name!r} is the wording of one option and the id of another", (*where, name))
        if named and numbers[named[0]] is not None:
            raise document.error("the option is named twice, by wording and by id", (*where, name))
        if named:
            numbers[named[0]] = value
        elif name in codes and isinstance(value, (int, float)):
            missing += value
        else:
            known = [option.text for option in question.options]
            raise document.error(str(UnknownNameError("option", name, known)), (*where, name))
    return [0.0 if number is None else number for number in numbers], missing
