"""Replies of a model behind a server as they come: text, log-probabilities, why it ended, how many tokens it took."""

from collections.abc import Generator
from typing import Any

from pluralign.engines.base import ChatRequest
from pluralign.engines.http_bodies import CHAT, Dialect, chat_body, finish
from pluralign.engines.http_server import RequestRefusedError, Server
from pluralign.engines.live import End, Piece, TokenScore


def pieces(
    server: Server, request: ChatRequest, dialect: Dialect, *, begins: bool, top_logprobs: int | None
) -> Generator[Piece | End, None, None]:
    """Reply piece by piece. ``begins``: whether the server lets a reply begin with given words, as vLLM does.

    Tokens are counted as the server counts them, else by the pieces that came.
    """
    body = _body(request, server.model, dialect, begins)
    if top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": top_logprobs}
    reason, refused, came, prompt_tokens, completion_tokens = None, False, 0, 0, 0
    try:
        # Not every server knows this wish; those that do not mostly pass over it.
        for event in server.pieces(CHAT, {**body, "stream_options": {"include_usage": True}}):
            if event.usage is not None:
                prompt_tokens, completion_tokens = event.usage.prompt_tokens, event.usage.completion_tokens
            for choice in event.choices[:1]:
                reason = choice.finish_reason or reason
                refused = refused or bool(choice.delta.refusal)
                text = choice.delta.content or choice.delta.refusal or ""
                scores = _scores(choice.logprobs)
                if text or scores:
                    came += 1
                    yield Piece(text, scores)
    except RequestRefusedError as error:
        if not error.filtered:
            raise
        refused = True
    yield End(finish(reason, refused=refused), prompt_tokens, completion_tokens or came)


def _body(request: ChatRequest, model: str, dialect: Dialect, begins: bool) -> dict[str, Any]:
    if not (request.reply_start and begins):
        return chat_body(request, model, dialect)
    body = chat_body(without_start(request), model, dialect)
    body["messages"] = [*body["messages"], {"role": "assistant", "content": request.reply_start}]
    return body | {"continue_final_message": True, "add_generation_prompt": False}


def without_start(request: ChatRequest) -> ChatRequest:
    """The same request, its reply free to begin as it likes."""
    return ChatRequest(
        request.messages, request.max_tokens, request.temperature, request.top_p, request.seed, request.stop
    )


def _scores(logprobs: Any) -> tuple[TokenScore, ...]:
    return tuple(
        TokenScore(one.token, one.logprob, tuple((other.token, other.logprob) for other in one.top_logprobs or ()))
        for one in (logprobs.content if logprobs is not None else None) or ()
    )
