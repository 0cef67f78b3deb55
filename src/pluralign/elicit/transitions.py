"""Which pairs of values to ask about, and the stories that are told with them.

Every pair is asked in both directions and in every context, so that no direction is favoured by who proposed it (the
original proposed one direction only). A story is invented and always says so. Knows no draw and no web page.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.value_card import ValueCard
from pluralign.elicit.cards import is_personal
from pluralign.elicit.conduct import template
from pluralign.elicit.dedupe import distances
from pluralign.elicit.embeddings import Vectors
from pluralign.engines.base import ChatRequest

PER_VALUE = 3
"""Nearest values that each value is held against."""
SHORTEST_STORY, LONGEST_STORY = 80, 1500
"""Characters."""


def _(text: str) -> str:
    """Mark words for translators; whoever shows them translates them."""
    return text


FIXED_STORY = (
    _("The situation: %(context)s."),
    _("“I used to go by ‘%(source)s’. Above all I looked out for this: %(source_policy)s."),
    _("Then something did not go as I had hoped, and I began to look at it differently."),
    _("Now I go by ‘%(candidate)s’. Above all I look out for this: %(candidate_policy)s.”"),
)
"""The site's own story, sentence by sentence, for every pair: says nothing but what the two cards say, and the same
in both directions, so that it favours neither."""


def pairs(vectors: Vectors, per_value: int = PER_VALUE) -> list[tuple[int, int]]:
    """Pairs of rows (the smaller first) that are worth asking about: each with its nearest, and chains that join all.

    Near values are those that people can compare, and whose order is open. A minimum spanning tree is added, so that
    every value can be reached from every other and one ranking holds them all. About n times ``per_value`` pairs, not
    n squared.
    """
    count = len(vectors)
    if count < 2:
        return []
    from scipy.sparse.csgraph import minimum_spanning_tree

    square = distances(vectors, vectors)
    np.fill_diagonal(square, np.inf)
    found: set[tuple[int, int]] = set()
    for row in range(count):
        for other in np.argsort(square[row], kind="stable")[: min(per_value, count - 1)].tolist():
            found.add((min(row, other), max(row, other)))
    finite = np.where(np.isfinite(square), square + 1e-9, 0)  # a distance of nought is no missing edge
    tree = minimum_spanning_tree(finite).tocoo()
    found |= {(min(a, b), max(a, b)) for a, b in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    return sorted(found)


class Proposal(NamedTuple):
    """One question to people: did somebody become wiser who went from one value to the other in this context?"""

    source: int
    candidate: int
    context: str


def both_ways(found: Iterable[tuple[int, int]], contexts: Sequence[str]) -> list[Proposal]:
    """Every pair in both directions and in every context."""
    return [
        Proposal(source, candidate, context)
        for one, other in found
        for context in contexts
        for source, candidate in ((one, other), (other, one))
    ]


class StoryRequest(NamedTuple):
    """What a model is asked with, and the hash of its instructions."""

    request: ChatRequest
    prompt_hash: str


def story_request(source: ValueCard, candidate: ValueCard, context: str, about: str, language: str) -> StoryRequest:
    """Ask a model for a story of somebody who went from one value to the other."""
    instructions = template("story.v1.txt")
    text = instructions.format(
        about=about,
        context=context,
        language=language,
        source_title=source.title,
        source_policies="; ".join(source.policies),
        candidate_title=candidate.title,
        candidate_policies="; ".join(candidate.policies),
    )
    request = ChatRequest((Message("user", text),), max_tokens=300, temperature=0.7, top_p=0.95)
    return StoryRequest(request, content_hash(instructions))


def read_story(reply: str) -> str | None:
    """The story in a model's reply; None for one that is too short or long, a list, or tells who somebody is."""
    text = re.sub(r"\n{3,}", "\n\n", reply).strip().strip('"“”').strip()
    if not SHORTEST_STORY <= len(text) <= LONGEST_STORY or is_personal(text):
        return None
    return None if re.search(r"^\s*([-*•]|\d+[.)])\s", text, re.MULTILINE) else text
