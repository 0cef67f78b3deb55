"""A constitution as Markdown for the people it speaks for: what, where, by how many, and what contests it."""

from pluralign.core.constitution import Citation, Constitution, Contest

_REASONS = {
    Contest.not_outranked: "nobody found the first value wiser than it",
    Contest.cycle: "judgements lead round in a circle between the two",
    Contest.close: "its score is close",
    Contest.wins_resamples: "with other people drawn from the same crowd it would often have won",
    Contest.group_divided: "a group of participants supports it more than the first",
}


def charter_text(constitution: Constitution) -> str:
    """The constitution as Markdown. Requests are left out: they are for models."""
    lines = [f"# {constitution.title}", ""]
    if constitution.participants is not None:
        lines += [f"From the judgements of {_people(constitution.participants)}.", ""]
    for principle in constitution.principles:
        lines += [f"## {principle.context or principle.title or principle.id}", ""]
        if principle.context and principle.title:
            lines += [f"**{principle.title}**", ""]
        if principle.description:
            lines += [principle.description, ""]
        lines += [_behind(citation, principle.win_probability) for citation in principle.citations]
        lines += [""] if principle.citations else []
        if principle.alternatives:
            lines += ["Contested by:", ""]
            for alternative in principle.alternatives:
                why = "; ".join(_REASONS[reason] for reason in alternative.reasons)
                behind = _behind(alternative.citation, alternative.win_probability)
                lines += [f"- **{alternative.title}**: {why}. {behind}"]
            lines += [""]
    lines += [f"Constitution {constitution.hash}, version {constitution.version}."]
    if constitution.origin.source:
        lines += [f"Made from {constitution.origin.source} ({constitution.origin.source_hash})."]
    return "\n".join(lines) + "\n"


def _behind(citation: Citation, win_probability: float | None) -> str:
    parts = [f"Value {citation.card}"]
    if citation.people is not None:
        parts.append(f"{'' if citation.people_exact else 'at least '}{_people(citation.people)}")
    if citation.judgements is not None:
        parts.append(f"{citation.judgements:,} judgement{'' if citation.judgements == 1 else 's'}")
    if win_probability is not None:
        parts.append(f"first in {win_probability:.0%} of resamples")
    return ", ".join(parts) + "."


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"
