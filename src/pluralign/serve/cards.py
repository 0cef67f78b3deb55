"""What is told of a voice: in the list of models, and on its card. Pure: voices in, plain data out."""

from pathlib import Path
from typing import Any

from pluralign.poll.faithfulness import Faithfulness, TopicFaithfulness
from pluralign.poll.scores import Measure
from pluralign.serve.served import ServedVoice, Spoken


def model(voice: ServedVoice, created: int, default: str) -> dict[str, Any]:
    """A voice as an entry of ``/v1/models``."""
    return {
        "id": voice.name,
        "object": "model",
        "created": created,
        "owned_by": "pluralign",
        "title": voice.title,
        "summary": voice.summary,
        "collective": _collective(voice),
        "default": voice.name == default,
        "profile": profile(voice.profiles[0]) if voice.profiles else None,
        "region": voice.collective.region if voice.collective else "",
        "can_be_polled": voice.can_be_polled,
        "logprobs": voice.live.logprobs and (voice.panel is None or voice.panel.kind != "overton"),
        "panel": panel(voice),
    }


def panel(voice: ServedVoice) -> dict[str, Any] | None:
    """Who speaks for a panel, and how; ``None`` for a voice alone."""
    if voice.panel is None:
        return None
    return {
        "kind": voice.panel.kind,
        "pick": voice.panel.pick,
        "reply": voice.panel.reply,
        "members": [
            {
                "id": one.voice.name,
                "title": one.title,
                "weight": one.weight,
                "collective": _collective(one.voice),
                "profile": profile(one.voice.profiles[0]) if one.voice.profiles else None,
            }
            for one in voice.panel.members
        ],
    }


def mixture(spoken: Spoken, created: int) -> dict[str, Any]:
    """A mixture as an entry of ``/v1/models``. It has no profile: only its voices were measured."""
    return {
        "id": spoken.name,
        "object": "model",
        "created": created,
        "owned_by": "pluralign",
        "title": " and ".join(f"{voice.title} ({weight:.0%})" for voice, weight in spoken.parts),
        "summary": "A mixture: every reply is as probable as the weighted mean of its voices makes it.",
        "panel": None,
        "parts": [{"id": voice.name, "weight": weight} for voice, weight in spoken.parts],
        "collective": None,
        "default": False,
        "profile": None,
        "logprobs": spoken.live.logprobs and spoken.live.mixes == "tokens",
    }


def card(voice: ServedVoice) -> dict[str, Any]:
    """Whose view this is: everything that is known of a voice."""
    speaker = voice.speaker
    charter = speaker.charter
    return {
        "id": voice.name,
        "title": voice.title,
        "summary": voice.summary,
        "collective": _collective(voice),
        "model": voice.live.engine.name,
        "way": "" if speaker.way is None else speaker.way.label,
        "system": speaker.system,
        "identity_token": "" if speaker.way is None else speaker.way.token_for(speaker.collective),
        "adapter": "" if speaker.way is None else _shown(speaker.way.adapter),
        "panel": panel(voice),
        "templates": speaker.template_hashes,
        "constitution": None
        if charter is None
        else {
            "title": charter.title,
            "version": charter.version,
            "hash": charter.hash,
            "licence": charter.licence,
            "method": charter.origin.method,
            "source": charter.origin.source,
            "participants": charter.participants,
            "principles": [
                {
                    "id": one.id,
                    "title": one.title,
                    "description": one.description,
                    "context": one.context,
                    "contested": one.contested,
                    "people": sum(citation.people or 0 for citation in one.citations) or None,
                }
                for one in charter.principles
            ],
        },
        "training": voice.training,
        "sources": [source.model_dump() for source in voice.sources],
        "licence": voice.licence,
        "contact": voice.contact,
        "origin": _shown(voice.origin),
        "sampling": voice.sampling.model_dump(),
        "profiles": [{**profile(one), "topics": [topic(each) for each in one.topics]} for one in voice.profiles],
        "survey": None
        if voice.survey is None
        else {"name": voice.survey.name, "title": voice.survey.title or voice.survey.name},
    }


def profile(found: Faithfulness) -> dict[str, Any]:
    """How faithful a voice was measured to be, over all questions."""
    return {
        "survey": found.survey,
        "survey_title": found.survey_title,
        "model": found.model,
        "voice": found.voice,
        "measured": found.measured,
        "run": found.run,
        "method": found.method,
        "citation": found.citation,
        "licence": found.licence,
        "distance_name": found.headline,
        "questions": found.questions,
        "distance": measure(found.distance),
        "floors": {"uniform": found.uniform, "others": found.others, "marginal": found.marginal},
        "below_floor": found.below_floor,
        "skill_over_uniform": measure(found.skill_over_uniform),
        "worth_people": found.worth_text,
        "entropy_ratio": measure(found.entropy_ratio),
        "captured": found.captured,
        "saw_the_answers": found.published_leak,
    }


def topic(found: TopicFaithfulness) -> dict[str, Any]:
    """The same on one topic."""
    return {
        "topic": found.topic,
        "questions": found.questions,
        "distance": measure(found.distance),
        "floors": {"uniform": found.uniform, "others": found.others},
        "below_floor": found.below_floor,
    }


def measure(one: Measure) -> dict[str, float | None]:
    """A number with its interval."""
    return {"value": one.value, "low": one.low, "high": one.high}


def _shown(place: str) -> str:
    """A name as it is, of a path its last part: where things lie on the server is nobody's business."""
    return Path(place).name if Path(place).is_absolute() or place.startswith(".") else place


def _collective(voice: ServedVoice) -> dict[str, str] | None:
    if voice.collective is None:
        return None
    return {"id": voice.collective.id, "name": voice.collective.name}
