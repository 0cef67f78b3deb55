"""Whom records speak for, as identity tokens: one for each collective, right before the reply. Knows no model."""

import random
from collections.abc import Sequence

from pluralign.core.adapter import Groups
from pluralign.core.collective import Collective
from pluralign.core.records import Record
from pluralign.engines.rendering import Renderer
from pluralign.surveys.countries import country
from pluralign.train.config import Identity
from pluralign.train.examples import ReplyStart
from pluralign.train.identity import Named, name_tokens
from pluralign.train.sources import Located


def tokens_for(records: Sequence[Located], renderer: Renderer, identity: Identity) -> Named:
    """Tokens of all collectives that the records name, and of nobody in particular.

    Raises :class:`pluralign.core.errors.UsageError` where the tokenizer has one of them already.
    """
    ids = sorted({located.record.collective for located in records} - {""})
    sources = sorted({located.record.source for located in records})
    licences = sorted({located.record.licence for located in records})
    collectives = [_known_as(one) for one in ids]
    return name_tokens(
        renderer,
        lambda first: Groups.of(
            collectives,
            first,
            source="; ".join(sources[:3]),
            licence="; ".join(licences),
            descriptions=identity.descriptions,
        ),
    )


def beginnings(groups: Groups, identity: Identity, seed: int) -> ReplyStart:
    """Per record the token its replies begin with: its collective's, or nobody's, where that was drawn."""
    tokens = {group.id: group.token for group in groups.groups}

    def start(record: Record) -> str:
        drawn = random.Random(f"identity/{seed}/{record.id}").random()
        return tokens["" if drawn < identity.dropout else record.collective]

    return start


def _known_as(collective: str) -> Collective:
    return country(collective) or Collective(id=collective, name=collective)
