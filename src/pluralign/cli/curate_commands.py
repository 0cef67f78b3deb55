"""The commands of ``pluralign curate``, put together."""

import typer

from pluralign.cli.curate_constitutional import constitutional
from pluralign.cli.curate_corpus import corpus
from pluralign.cli.curate_culturespa import culturespa, filter_questions
from pluralign.cli.curate_lint import lint
from pluralign.cli.curate_preferences import preferences
from pluralign.cli.curate_review import review

app = typer.Typer(help="Write records that teach a model to speak for a collective.", no_args_is_help=True)
app.command()(constitutional)
app.command()(culturespa)
app.command("filter-questions")(filter_questions)
app.command()(lint)
app.command()(preferences)
app.command()(corpus)
app.add_typer(review, name="review")
