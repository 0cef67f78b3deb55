"""Panels on the shelf: from a voice file to voices that answer as one, and from a stated group to who speaks for it.

Asks no model: a pick that a model must make is put as a request, and read, by the functions below.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pluralign.core.collective import Collective
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.base import ScoreRequest
from pluralign.serve.names import MOST_PARTS, slug
from pluralign.serve.served import ServedMember, ServedPanel, ServedVoice, Spoken
from pluralign.serve.voice_file import PanelPart
from pluralign.surveys.countries import collective_of, spoken_for
from pluralign.voices.panel import Panel, pick_among, suited_among

LONGEST_GROUP = 200
"""Characters of a group that an asker states."""


def of_file(
    panel: Panel, name: str, speak: Callable[[str, Panel, int], ServedVoice], collective: Collective | None
) -> ServedPanel:
    """The panel of a panel's file, as ``pluralign poll`` reads it.

    ``speak`` gives the voice of a member, under the name it is to have. ``collective``: whom the panel speaks for.
    Raises :class:`UsageError` where that is nobody, and a member follows whomever the panel is asked to speak for.
    """
    follows = next((member for member in panel.members if member.follows), None)
    if follows is not None and collective is None:
        raise UsageError(
            f"the panel's member {follows.title!r} does not say whom it speaks for: give it 'as', or the voice file a "
            "'collective'"
        )
    wished = [
        slug(member.collective.name if member.collective is not None else member.title) for member in panel.members
    ]
    names = [
        one if wished.count(one) == 1 else slug(member.title) for one, member in zip(wished, panel.members, strict=True)
    ]
    members = tuple(
        ServedMember(speak(f"{name}/{own}", panel, at), member.weight, _shown(panel, at))
        for at, (own, member) in enumerate(zip(names, panel.members, strict=True))
    )
    return checked(ServedPanel(panel.kind, members, panel.pick, panel.reply))


def _shown(panel: Panel, at: int) -> str:
    """A member's title without its way of speaking, where the title still tells it from the others."""
    own = panel.members[at]
    plain = [f"{one.collective.name}" if one.collective is not None else one.title for one in panel.members]
    written = own.collective is None or own.title != f"{own.collective.name} ({own.way.label})"
    return own.title if written or plain.count(plain[at]) > 1 else plain[at]


def of_voices(part: PanelPart, base: str, voices: Mapping[str, ServedVoice]) -> ServedPanel:
    """The panel of voices that are served here. ``voices``: by folded name.

    Raises :class:`UnknownNameError` for one that is not, :class:`UsageError` for one that is a panel itself.
    """
    assert part.kind is not None
    members = []
    for written in part.members:
        name = written.voice if "@" in written.voice else f"{base}@{written.voice}"
        found = voices.get(name.casefold())
        if found is None:
            raise UnknownNameError("voice", written.voice, [one.name for one in voices.values()])
        if found.panel is not None:
            raise UsageError(f"a panel's members are voices, not panels: {written.voice!r}")
        members.append(ServedMember(found, written.weight or 1 / len(part.members), written.title or found.title))
    titles = [member.title.casefold() for member in members]
    twice = next((member.title for member in members if titles.count(member.title.casefold()) > 1), None)
    if twice is not None:
        raise UsageError(f"two members are called {twice!r}; give them titles of their own")
    return checked(ServedPanel(part.kind, tuple(members), part.pick, part.reply))


def checked(panel: ServedPanel) -> ServedPanel:
    """The panel, if it can speak. Raises :class:`UsageError`."""
    if panel.kind == "distributional":
        if len(panel.members) > MOST_PARTS:
            raise UsageError(f"at most {MOST_PARTS} voices speak as a mixture, and this panel has {len(panel.members)}")
        if len({id(member.voice.live) for member in panel.members}) > 1:
            raise UsageError("the panel's voices run on different models, whose probabilities cannot be mixed")
    if panel.pick == "model" and any(member.voice.live.engine.can.option_scores == "none" for member in panel.members):
        raise UsageError(
            "the panel's model does not tell how probable options are, so it cannot pick: 'pick: declared'"
        )
    return panel


def told(spoken: Spoken) -> dict[str, Any] | None:
    """What a reply says of the panel that speaks; ``None`` where none does."""
    if spoken.panel is None:
        return None
    voices = [
        {"id": voice.name, "title": spoken.title_of(voice), "weight": round(weight, 6)}
        for voice, weight in spoken.parts
    ]
    chosen = {"group": spoken.group, "chosen_by": spoken.chosen_by} if spoken.chosen_by else {}
    return {"panel": spoken.panel_name, "kind": spoken.kind, **chosen, "voices": voices}


def stated(spoken: Spoken, survey: Survey | None, text: str) -> Collective:
    """The group that an asker states, in any words: a member's people, a people of the survey, a country, or another.

    Raises :class:`UsageError` where nothing is stated, naming the groups there are voices of.
    """
    own = [member.voice.collective for member in spoken.members]
    wanted = text.strip()[:LONGEST_GROUP]
    if not wanted:
        known = ", ".join(one.name for one in own if one is not None) or "its members"
        raise UsageError(
            f"{spoken.panel_name!r} lets the voice answer that suits your group best: say which group, as the model "
            f"'{spoken.panel_name}/GROUP' or in metadata as 'group'; it has voices of {known}"
        )
    for one in own:
        if one is not None and wanted.casefold() in (one.id.casefold(), one.name.casefold()):
            return one
    try:
        if survey is not None:
            return spoken_for(survey, wanted)
    except UnknownNameError:
        pass
    found = collective_of(wanted)
    if found is None:
        raise UsageError(f"{wanted!r} names no group")
    return found


def declared(spoken: Spoken, group: Collective) -> Spoken:
    """Who speaks for the group by what members declare: its own voice, else those of its region with equal weights.

    Raises :class:`UsageError` where no member declares either.
    """
    members = spoken.members
    chosen = suited_among([member.voice.collective for member in members], group)
    if not chosen:
        known = ", ".join(member.title for member in members)
        raise UsageError(f"no voice of {spoken.panel_name!r} speaks for {group.name} or its region: it has {known}")
    parts = tuple((members[at].voice, 1 / len(chosen)) for at in chosen)
    of_region = parts[0][0].collective is None or parts[0][0].collective.id != group.id
    if of_region and len({id(voice.live) for voice, _ in parts}) > 1:
        raise UsageError(
            f"the voices of {spoken.panel_name!r} for the region of {group.name} run on different models and cannot "
            "be mixed: name one of them"
        )
    return replace(
        spoken,
        name=_name(spoken, group),
        parts=parts,
        group=group.name,
        stated=group,
        chosen_by="region" if of_region else "own",
    )


def picking(spoken: Spoken, group: Collective) -> ScoreRequest:
    """Asks a model which member suits the group best."""
    return pick_among([member.title for member in spoken.members], group)


def with_pick(spoken: Spoken, group: Collective, at: int) -> Spoken:
    """The panel, the member that a model picked speaking for it."""
    voice = spoken.members[at].voice
    return replace(
        spoken, name=_name(spoken, group), parts=((voice, 1.0),), group=group.name, stated=group, chosen_by="model"
    )  # fmt: skip


def _name(spoken: Spoken, group: Collective) -> str:
    return f"{spoken.panel_name}/{slug(group.name) or group.id}"
