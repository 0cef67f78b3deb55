"""``pluralign graph polis FOLDER``: go on from a Polis conversation: its opinion groups, consensus, and seeds."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pluralign.store.files import write_text

if TYPE_CHECKING:
    from pluralign.graph.polis_report import PolisSeeds


class GroupsFrom(StrEnum):
    """Where the opinion groups come from."""

    COMPUTED = "computed"
    EXPORT = "export"


def polis(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="With comments.csv and participants-votes.csv or votes.csv.")
    ],
    out: Annotated[Path | None, typer.Option(help="JSON with the statements and each group's support.")] = None,
    take: Annotated[GroupsFrom, typer.Option("--groups", help="Compute them, or take those of the export.")] = (
        GroupsFrom.COMPUTED
    ),
    number: Annotated[int | None, typer.Option(min=1, help="Number of groups. Default: by silhouette, 2 to 5.")] = None,
    published: Annotated[bool, typer.Option("--published", help="Start k-means as Polis does.")] = False,
    seed: Annotated[int, typer.Option(help="Seeds k-means.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="Statements shown.")] = 5,
) -> None:
    """Read a Polis export and say who agrees on what; write statements an assembly can start from.

    Example: pluralign graph polis conversation/ --out seeds.json
    """
    from pluralign.core.errors import UsageError
    from pluralign.graph.polis import read_export
    from pluralign.graph.polis_groups import find_groups, groups_as_exported
    from pluralign.graph.polis_report import seeds

    if take is GroupsFrom.EXPORT and (number is not None or published):
        raise UsageError("--groups export takes the groups as they are: leave out --number and --published")
    conversation = read_export(folder)
    if take is GroupsFrom.EXPORT:
        groups = groups_as_exported(conversation)
    else:
        groups = find_groups(conversation, published=published, groups=number, seed=seed)
    found = seeds(conversation, groups)
    _tell(found, top)
    if out is not None:
        write_text(out, found.model_dump_json(indent=1) + "\n")
        print(f"\n{out}: {len(found.statements)} statements")


def _tell(found: "PolisSeeds", top: int) -> None:
    texts = {seed.card.id: seed.card.title for seed in found.statements}
    print(f"{found.topic}: {found.participants} voted, {found.included} of them often enough for a group.")
    for notice in found.notices:
        print(f"Note: {notice.reason}: {notice.times}, such as {notice.example}.")
    if found.left_out:
        print(f"Left out: {found.left_out} statements, rejected, about the conversation itself or without text.")
    if found.silhouettes:
        tried = ", ".join(f"{number}: {value:.2f}" for number, value in found.silhouettes.items())
        print(f"Silhouette by number of groups: {tried}.")
    print("\nAgreed on across groups (product over groups of the chance to agree):")
    for seed in found.statements[:top]:
        shares = ", ".join(f"{one.group} {one.probability:.0%}" for one in seed.support)
        print(f"  {seed.consensus:.2f}  {seed.card.title}  [{shares}]")
    for group in found.groups:
        print(f"\nGroup {group.id}, {group.size} people, is told apart by:")
        for name in group.representative[:top]:
            seed = next(seed for seed in found.statements if seed.card.id == name)
            side = "agrees   " if group.id in seed.represents else "disagrees"
            print(f"  {side}  {texts[name]}")
