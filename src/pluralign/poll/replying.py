"""What voices and panels say to a situation, in words: one reply each, kept as it comes. Rates nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.errors import ModelError
from pluralign.engines.base import ChatRequest, Engine
from pluralign.poll.answer import Progress, answer, chatting
from pluralign.poll.coverage import Situation
from pluralign.poll.run import COUNTED
from pluralign.store.answers import AnswerStore
from pluralign.voices.panel import Panel
from pluralign.voices.speaking import Sampling, Speaker
from pluralign.voices.way import Way
from pluralign.voices.window import Said, quoted, read_woven, weave_request


class Talker(NamedTuple):
    """Whoever replies: a single voice, or the members of an Overton panel."""

    name: str
    """As it stands in tables: ``persona@KEN``, or the panel's own name."""
    speakers: tuple[tuple[str, Speaker], ...]
    """Title and speaker; one, or a panel's members."""
    woven: bool = False
    """Whether a model weaves the members' words into one text."""


def talkers(ways: Sequence[Way], panels: Sequence[Panel], collectives: Sequence[Collective]) -> tuple[Talker, ...]:
    """Everyone who replies: each way of speaking for each collective where that matters, and each Overton panel.

    Raises :class:`pluralign.core.errors.UsageError` for a way of speaking that holds no conversation.
    """
    found = []
    for way in ways:
        for people in collectives if way.steered else (None,):
            name = way.name if people is None else f"{way.name}@{people.id}"
            found.append(Talker(name, ((name, Speaker(way, people)),)))
    for panel in panels:
        members = tuple((member.title, Speaker(member.way, member.collective)) for member in panel.members)
        found.append(Talker(panel.label, members, panel.reply == "written"))
    return tuple(found)


class Replies(NamedTuple):
    """What was said."""

    texts: dict[str, dict[str, str]]
    """Talker -> situation id -> reply."""
    fallbacks: int
    """Texts woven by the model that left a voice out or a sentence without one: the quoted form stands there."""


def replies(
    everybody: Sequence[Talker],
    situations: Sequence[Situation],
    engine: Engine,
    store: AnswerStore,
    sampling: Sampling,
    on_progress: Callable[[Progress], None],
) -> Replies:
    """Ask everybody to speak to every situation. Replies that the store holds are not asked for again.

    Raises :class:`ModelError` for an engine that writes no replies.
    """
    if not engine.can.chat:
        raise ModelError(
            f"{engine.name!r} writes no replies: name a model that does, or hand replies in with --replies"
        )
    asked = [
        (talker, situation, title, speaker.request((Message("user", situation.text),), sampling))
        for talker in everybody
        for situation in situations
        for title, speaker in talker.speakers
    ]
    weaving = sum(talker.woven for talker in everybody) * len(situations)
    total, counts = len(asked) + weaving, dict.fromkeys(COUNTED, 0)

    def ask(requests: Sequence[ChatRequest]) -> list[str]:
        keys, said = answer(requests, chatting(engine), store, counts, total, on_progress)
        return [said[key].text.strip() for key in keys]

    texts: dict[str, dict[str, str]] = {talker.name: {} for talker in everybody}
    words: dict[tuple[str, str], list[Said]] = {}
    for (talker, situation, title, _), text in zip(asked, ask([request for *_, request in asked]), strict=True):
        words.setdefault((talker.name, situation.id), []).append(Said(title, text))
    panels = [talker for talker in everybody if len(talker.speakers) > 1]
    for talker in everybody:
        for situation in situations:
            said = words[talker.name, situation.id]
            texts[talker.name][situation.id] = quoted(said).text if talker in panels else said[0].text
    return Replies(texts, _weave([one for one in panels if one.woven], situations, words, texts, ask, sampling))


def _weave(
    panels: Sequence[Talker],
    situations: Sequence[Situation],
    words: Mapping[tuple[str, str], Sequence[Said]],
    texts: dict[str, dict[str, str]],
    ask: Callable[[Sequence[ChatRequest]], list[str]],
    sampling: Sampling,
) -> int:
    """Put woven texts in the place of quoted ones where they are sound; how many were not."""
    places = [(panel.name, situation) for panel in panels for situation in situations]
    requests = [
        replace(weave_request(situation.text, words[name, situation.id]), seed=sampling.seed)
        for name, situation in places
    ]
    fallbacks = 0
    for (name, situation), text in zip(places, ask(requests) if requests else [], strict=True):
        reply = read_woven(text, words[name, situation.id])
        if reply is None:
            fallbacks += 1
        else:
            texts[name][situation.id] = reply.text
    return fallbacks
