"""``pluralign curate corpus``: a community's own texts as records."""

from typing import Annotated

import typer

from pluralign.cli.curate import CONFIG, OUT, SEED, carry_out


def corpus(
    config: CONFIG,
    folds: Annotated[int | None, typer.Option(min=2, help="Divide records for cross-validation.")] = None,
    out: OUT = None,
    seed: SEED = None,
) -> None:
    """Texts, tables, chats and forum dumps into records: cleaned, without personal details, in passages or dialogues.

    Example: pluralign curate corpus examples/corpus/corpus.yaml
    """
    from pluralign.curate.corpus import prepare
    from pluralign.curate.corpus_recipe import Corpus

    given = {"folds": folds, "seed": seed}
    present = {key: value for key, value in given.items() if value is not None}
    carry_out(Corpus, prepare, config, present, out=out, plan=False)
