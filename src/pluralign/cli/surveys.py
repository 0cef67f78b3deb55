"""``pluralign surveys``: which surveys there are, what is in one, and whether a file of your own is sound."""

import json
import sys
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from pluralign.core.errors import UsageError
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.surveys import available, load
from pluralign.surveys.checks import check as findings_of

app = typer.Typer(help="Surveys: what people were asked, and how they answered.", no_args_is_help=True)

NAME = typer.Argument(help="A survey: a name from `pluralign surveys list`, scheme:path, or a .yaml or .csv file.")
AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list")
def list_surveys(as_json: bool = AS_JSON) -> None:
    """List the bundled surveys and the ways to name others."""
    sources = available()
    if as_json:
        _print_json(
            [{"survey": source.form, "bundled": source.bundled, "is": source.description} for source in sources]
        )
        return
    table = _table("survey", "what it is")
    for source in sources:
        table.add_row(source.form, source.description)
    _console().print(table)


@app.command()
def show(
    name: str = NAME,
    question: str = typer.Option("", "--question", "-q", help="Show this question and how everyone answered it."),
    topic: str = typer.Option("", "--topic", "-t", help="List the questions of this topic."),
    as_json: bool = AS_JSON,
) -> None:
    """Show a survey; one of its questions with everyone's answers; or the questions of a topic."""
    if question and topic:
        raise UsageError("name a question or a topic, not both")
    survey = load(name)
    if question:
        chosen = survey.question(question)
        if as_json:
            _print_json(_question_record(survey, chosen) | {"answers": _answers(survey, chosen)})
        else:
            _show_question(survey, chosen)
        return
    selected = survey.select(topics=[topic]) if topic else survey
    if as_json:
        _print_json(_survey_record(selected))
    elif topic:
        _show_questions(selected)
    else:
        _show_survey(survey)


@app.command()
def check(name: str = NAME) -> None:
    """Read a survey and say what is in it and what limits it. Exit code 2 if it cannot be read."""
    survey = load(name)
    console = _console()
    findings = findings_of(survey)
    console.print(f"{survey.name} can be used.")
    for finding in findings:
        if finding.fine:
            console.print(f"  ok    {finding.text}")
    for finding in findings:
        if not finding.fine:
            console.print(f"  note  {finding.text}")


def _show_survey(survey: Survey) -> None:
    console = _console()
    console.print(f"{survey.name}: {survey.title}" if survey.title else survey.name)
    console.print(f"{len(survey.questions)} questions, {len(survey.collectives)} collectives\n")
    topics = _table("topic", "questions", numbers=("questions",))
    for topic in survey.topics:
        topics.add_row(topic or "(none)", str(sum(question.topic == topic for question in survey.questions)))
    console.print(topics)
    if survey.collectives:
        people = _table(
            *("id", "collective", "region", "questions answered", "people", "design effect"),
            numbers=("questions answered", "design effect"),
        )
        for collective in survey.collectives:
            references = survey.references.get(collective.id, {})
            sizes = [reference.n for reference in references.values() if reference.n is not None]
            span = f"{min(sizes):g} to {max(sizes):g}" if sizes else "not known"
            effects = [one.design_effect for one in references.values() if one.design_effect is not None]
            effect = f"{sum(effects) / len(effects):.2f}" if effects else "not known"
            people.add_row(collective.id, collective.name, collective.region, str(len(references)), span, effect)
        console.print()
        console.print(people)
    for label, text in (("Notes", survey.notes), ("Citation", survey.citation), ("Licence", survey.licence)):
        if text:
            console.print(f"\n{label}: {text}")


def _show_questions(survey: Survey) -> None:
    table = _table("id", "scale", "options", "question", numbers=("options",))
    for question in survey.questions:
        table.add_row(question.id, question.scale.value, str(len(question.options)), question.text)
    _console().print(table)


def _show_question(survey: Survey, question: Question) -> None:
    console = _console()
    console.print(f"{question.id}  {question.text}")
    console.print(f"{question.scale} scale" + (f", topic: {question.topic}" if question.topic else "") + "\n")
    if not question.is_numeric:
        for option in question.options:
            console.print(f"  {option.id}  {option.text}")
        console.print()
    codes = [str(option.id) for option in question.options]
    table = _table("who", "n", "respondents", *codes, "missing", numbers=("n", "respondents", *codes, "missing"))
    for collective in survey.collectives:
        reference = survey.reference(collective.id, question.id)
        if reference is None:
            table.add_row(collective.id, "not asked")
            continue
        shares = [f"{share:.0%}" for share in reference.probabilities]
        size = "" if reference.n is None else f"{reference.n:g}"
        heads = "" if reference.respondents is None else f"{reference.respondents:g}"
        table.add_row(collective.id, size, heads, *shares, f"{reference.refused:.0%}")
    if survey.collectives:
        console.print(table)
    else:
        console.print("No answers of people.")


def _survey_record(survey: Survey) -> dict[str, Any]:
    return {
        "name": survey.name,
        "title": survey.title,
        "checksum": survey.checksum,
        "questions": [_question_record(survey, question) for question in survey.questions],
        "collectives": [
            collective.model_dump() | {"questions_answered": len(survey.references.get(collective.id, {}))}
            for collective in survey.collectives
        ],
        "citation": survey.citation,
        "licence": survey.licence,
        "notes": survey.notes,
    }


def _question_record(survey: Survey, question: Question) -> dict[str, Any]:
    asked = sum(survey.reference(collective.id, question.id) is not None for collective in survey.collectives)
    return question.model_dump(mode="json") | {"collectives_that_answered": asked}


def _answers(survey: Survey, question: Question) -> dict[str, Any]:
    return {
        collective.id: None
        if reference is None
        else reference.model_dump(mode="json")
        | {"respondents": reference.respondents, "design_effect": reference.design_effect}
        for collective in survey.collectives
        for reference in (survey.reference(collective.id, question.id),)
    }


def _console() -> Console:
    # Into a pipe or file, lines are as long as their content: nothing is wrapped or cut for a terminal of 80.
    width = None if sys.stdout.isatty() else 10_000
    return Console(width=width, markup=False, emoji=False, highlight=False, soft_wrap=not sys.stdout.isatty())


def _table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))
