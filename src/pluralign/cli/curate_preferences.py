"""``pluralign curate preferences``: what one collective would rather say than others."""

from typing import Annotated

import typer

from pluralign.cli.curate import CONFIG, OUT, SEED, carry_out


def preferences(
    config: CONFIG,
    speak_for: Annotated[
        str | None, typer.Option("--as", help="Who would rather say: collectives, or voices of a run, by commas.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Than whom: the same, separated by commas.")] = None,
    pairs: Annotated[str | None, typer.Option(help="Which pairs become records: clear, modes or all.")] = None,
    teach: Annotated[str | None, typer.Option(help="The prompt it is taught with: plain, persona, …")] = None,
    out: OUT = None,
    seed: SEED = None,
) -> None:
    """Preference pairs from a survey's answers or from two voices of a finished poll; soft labels are kept.

    Example: pluralign curate preferences examples/preferences.yaml
    """
    from pluralign.curate.preferences import Preferences, prepare

    given = {
        "as": None if speak_for is None else [name.strip() for name in speak_for.split(",") if name.strip()],
        "against": None if against is None else [name.strip() for name in against.split(",") if name.strip()],
        "pairs": pairs,
        "teach": teach,
        "seed": seed,
    }
    present = {key: value for key, value in given.items() if value is not None}
    carry_out(Preferences, prepare, config, present, out=out, plan=False)
