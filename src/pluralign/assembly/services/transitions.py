"""Which transitions there are to ask about, and their stories."""

from django.utils.translation import get_language_info, gettext

from pluralign.assembly import machines
from pluralign.assembly.models import Question, Story, Transition, ValueStatus
from pluralign.assembly.services import calls
from pluralign.assembly.services.similar import vectors_of
from pluralign.elicit.transitions import FIXED_STORY, both_ways, pairs, read_story, story_request


def propose(question: Question) -> int:
    """Add the pairs that the question's values and contexts call for, both ways; none is ever taken away, since people
    have judged them. Returns how many there are now."""
    values = list(question.values.filter(status=ValueStatus.ACTIVE).order_by("pk"))
    contexts = {context.text: context for context in question.contexts.filter(is_active=True)}
    found = both_ways(pairs(vectors_of(values)), list(contexts))
    there = set(question.transitions.values_list("context", "source", "candidate"))
    wanted = [
        (contexts[proposal.context].pk, values[proposal.source].pk, values[proposal.candidate].pk) for proposal in found
    ]
    missing = [key for key in wanted if key not in there]  # most are there: writing them all would make others wait
    Transition.objects.bulk_create(
        [
            Transition(question=question, context_id=context, source_id=source, candidate_id=candidate)
            for context, source, candidate in missing
        ],
        ignore_conflicts=True,  # of another worker at the same moment
        batch_size=500,
    )
    return len(there) + len(missing)


def write_story(transition: Transition, language: str) -> Story | None:
    """Have the model write a story, unless there is one in that language. None where it cannot or what it wrote is
    unfit: the fixed story is told then."""
    there = transition.stories.filter(language=language).order_by("-version").first()
    assembly = transition.question.assembly
    engine = machines.engine_for(assembly)
    if there is not None or engine is None:
        return there
    asked = story_request(
        transition.source.noun,
        transition.candidate.noun,
        transition.context.text,
        transition.question.text,
        str(get_language_info(language)["name"]),
    )
    try:
        reply = calls.whole(engine, asked.request, assembly=assembly, purpose="story", prompt_hash=asked.prompt_hash)
    except calls.ModelDownError:
        return None
    text = read_story(reply)
    if text is None:
        return None
    story, _made = Story.objects.get_or_create(
        transition=transition, language=language, version=1, defaults={"text": text, "author": Story.Author.AI}
    )
    return story


def fixed_story(transition: Transition) -> list[str]:
    """The site's own story of a transition, sentence by sentence, in the reader's language."""
    source, candidate = transition.source, transition.candidate
    facts = {
        "context": transition.context.text,
        "source": source.title,
        "candidate": candidate.title,
        "source_policy": (source.policies or [source.summary or source.title])[0],
        "candidate_policy": (candidate.policies or [candidate.summary or candidate.title])[0],
    }
    # Isolated, so that words of one direction stay whole in a sentence of the other.
    isolated = {name: f"\u2068{text}\u2069" for name, text in facts.items()}
    return [gettext(sentence) % isolated for sentence in FIXED_STORY]
