"""Every call of a model goes through here, is counted against the budget and leaves a line that holds no words."""

import logging
import time
from collections.abc import Iterator

from pluralign.assembly.models import Assembly, ModelCall, Participation
from pluralign.engines.base import ChatRequest, Engine

log = logging.getLogger("pluralign.assembly")
_LETTERS_PER_TOKEN = 4


class ModelDownError(Exception):
    """The model did not answer. Whoever called it goes on without."""


def streamed(
    engine: Engine,
    request: ChatRequest,
    *,
    assembly: Assembly,
    purpose: str,
    prompt_hash: str,
    mine: Participation | None = None,
) -> Iterator[str]:
    """The reply, piece by piece, for one person (``mine``) or for all. Raises :class:`ModelDownError`, whatever is
    wrong with the model."""
    began, length, succeeded = time.monotonic(), 0, False
    try:
        try:
            if engine.can.stream:
                for piece in engine.stream(request):
                    length += len(piece)
                    yield piece
            else:
                text = engine.chat([request])[0].text
                length = len(text)
                yield text
            succeeded = True
        except Exception as error:
            log.warning("the model failed in a %s: %s", purpose, type(error).__name__)
            raise ModelDownError(type(error).__name__) from error
    finally:
        asked = sum(len(message.content) for message in request.messages)
        ModelCall.objects.create(
            assembly=assembly,
            participation=mine,
            purpose=purpose,
            engine=engine.name[:200],
            prompt_hash=prompt_hash,
            tokens=(asked + length) // _LETTERS_PER_TOKEN,
            milliseconds=int(1000 * (time.monotonic() - began)),
            succeeded=succeeded,
        )


def whole(
    engine: Engine,
    request: ChatRequest,
    *,
    assembly: Assembly,
    purpose: str,
    prompt_hash: str,
    mine: Participation | None = None,
) -> str:
    """The reply at once. Raises :class:`ModelDownError`."""
    return "".join(streamed(engine, request, assembly=assembly, purpose=purpose, prompt_hash=prompt_hash, mine=mine))
