"""What clients post: OpenAI's requests, as far as a voice can fulfil them. Knows no voice and no engine.

Wishes that cannot be fulfilled are refused by name where they would change the reply; what this interface does not
know at all is passed over, as clients and front ends send much that is meant for others.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pluralign.core.chat import Message
from pluralign.core.documents import dotted
from pluralign.serve.errors import ApiError, unsupported

Body = TypeVar("Body", bound=BaseModel)

MOST_CHOICES = 8
MOST_MESSAGES = 1000
Stop = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class ContentPart(_Body):
    """A part of a message."""

    type: str
    text: str | None = None


class ChatMessage(_Body):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]

    def message(self, place: int) -> Message:
        """The turn as a noun. Raises :class:`ApiError` for parts that are no text."""
        role: Literal["system", "user", "assistant"] = "system" if self.role == "developer" else self.role
        if isinstance(self.content, str):
            return Message(role, self.content)
        for at, part in enumerate(self.content):
            if part.type != "text" or part.text is None:
                raise unsupported(
                    f"messages[{place}].content[{at}]",
                    f"Voices read text only, no parts of the type {part.type[:40]!r}.",
                )
        return Message(role, "\n".join(part.text or "" for part in self.content))


class StreamOptions(_Body):
    """How a reply is streamed."""

    include_usage: bool = False


class _Wishes(_Body):
    """What both kinds of request may wish for."""

    model: str = ""
    """The voice: MODEL@NAME, a mixture MODEL@{NAME:WEIGHT,NAME:WEIGHT}, or empty for the default voice."""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Larger than the server allows: as many as it allows."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """0 is greedy. Where absent, the voice's own; 1, the distribution its polls measure, unless its file says else."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    seed: Seed | None = None
    """Equal seeds give equal replies of a local model; absent: drawn."""
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    user: str | None = None
    metadata: Any = None
    """Its ``group`` says whom a steerable panel is to speak for; anything else is passed over."""
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts at which the reply ends."""
        return () if self.stop is None else (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def group(self) -> str:
        """Whom a steerable panel is asked to speak for; empty where that is not said."""
        group = self.metadata.get("group") if isinstance(self.metadata, dict) else None
        return group if isinstance(group, str) else ""

    def refuse_unsupported(self) -> None:
        """Raise :class:`ApiError` for a wish that would change the reply and cannot be fulfilled."""
        for name in ("presence_penalty", "frequency_penalty", "logit_bias"):
            if getattr(self, name):
                raise unsupported(
                    name,
                    f"{name} would make the voice another than was measured: leave it out.",
                )


class ChatBody(_Wishes):
    """``POST /v1/chat/completions``."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    """The conversation; its last turn is the user's."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: list[Any] | None = None
    """Front ends offer tools with every question; a voice calls none, as is its right unless ``tool_choice`` forces it
    to."""
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None

    def refuse_unsupported(self) -> None:
        """See the base."""
        super().refuse_unsupported()
        if self.tool_choice not in (None, "auto", "none"):
            raise unsupported("tool_choice", "Voices hold conversations and call no tools: leave it to them.")
        if self.response_format and self.response_format.get("type", "text") != "text":
            raise unsupported("response_format", "Voices reply in plain text only.")
        if self.top_logprobs is not None and not self.logprobs:
            raise ApiError(400, "top_logprobs needs logprobs to be true.", code="invalid_value", param="top_logprobs")

    def conversation(self) -> tuple[Message, ...]:
        """The turns. Raises :class:`ApiError` unless the last is the user's."""
        found = tuple(one.message(place) for place, one in enumerate(self.messages))
        if found[-1].role != "user":
            raise ApiError(
                400,
                "The last message must be the user's, so that the voice can reply.",
                code="invalid_value",
                param="messages",
            )
        return found


class CompletionBody(_Wishes):
    """``POST /v1/completions``: the prompt is put to the voice as one message of the user's."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MOST_CHOICES)]
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool | None = None
    suffix: str | None = None
    best_of: Annotated[int, Field(ge=1)] | None = None

    def refuse_unsupported(self) -> None:
        """See the base."""
        super().refuse_unsupported()
        if self.echo:
            raise unsupported("echo", "The prompt is put to the voice as a message and is no part of its reply.")
        if self.suffix:
            raise unsupported("suffix", "Voices do not fill in the middle of a text.")
        if self.best_of is not None and self.best_of != (self.n or 1):
            raise unsupported("best_of", "Every reply counts: there is no best of several. Use n.")
        if len(self.prompts) * (self.n or 1) > MOST_CHOICES:
            raise ApiError(
                400, f"At most {MOST_CHOICES} replies can be had at once.", code="invalid_value", param="prompt"
            )

    @property
    def prompts(self) -> tuple[str, ...]:
        """One or several prompts."""
        return (self.prompt,) if isinstance(self.prompt, str) else tuple(self.prompt)


class TopicBody(_Body):
    """``POST /pluralign/topic``: which of a survey's questions a text is about."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    models: Annotated[list[str], Field(min_length=1, max_length=8)]


class PollBody(_Body):
    """``POST /pluralign/poll``: the people's answers to one question of the survey, and the voice's."""

    model: str = ""
    question: Annotated[str, StringConstraints(min_length=1, max_length=200)]


def read_body(kind: type[Body], data: bytes) -> Body:
    """A posted body. Raises :class:`ApiError` (400) naming the field that is wrong."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise ApiError(400, f"The body is not valid JSON: {first['msg']}", code="invalid_json") from None
        place = dotted(tuple(part for part in first["loc"] if not _is_tag(part))) or None
        what = f"{place}: " if place else ""
        raise ApiError(400, f"{what}{first['msg']}", code="invalid_value", param=place) from None
    except RecursionError:
        raise ApiError(400, "The body is nested too deeply.", code="invalid_json") from None


def _is_tag(part: str | int) -> bool:
    """Whether a part of pydantic's location names a member of a union rather than a field."""
    return isinstance(part, str) and (part in {"str", "list", "int", "float"} or "[" in part)
