"""Records as examples in tokens, none longer than the model can read. Knows a renderer, no weights."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError, UsageError
from pluralign.core.records import PreferenceRecord, Record, SftRecord
from pluralign.engines.rendering import Renderer
from pluralign.engines.taught import Taught, taught
from pluralign.train.config import TrainConfig
from pluralign.train.sources import Located

_FOREIGN = re.compile(r"<\|[a-z_]+\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>")
"""Turns as ChatML, Llama, Zephyr, Gemma and Mistral mark them."""

ReplyStart = Callable[[Record], str]
"""The text that a record's replies are made to begin with: its collective's identity token, or nothing."""


class Examples(NamedTuple):
    """What a trainer reads."""

    rows: tuple[dict[str, Any], ...]
    """For ``sft``: ``input_ids``, ``labels`` (-100 where nothing is learned) and ``weight``. For ``dpo``:
    ``prompt_ids``, ``chosen_ids``, ``rejected_ids``, ``preference`` and ``weight``."""
    tokens: int
    """Of all examples together."""
    learned: int
    """Of these, how many are learned."""
    longest: int
    dropped: int
    """Examples left out, because they were too long."""
    cut: int
    """Examples whose end was cut off, because they were too long."""
    controls: int = 0
    """Records left out, because their words hold tokens that mean something to the model."""

    @property
    def counts(self) -> dict[str, int]:
        """For the card."""
        numbers = {"examples": len(self.rows), "tokens": self.tokens, "learned_tokens": self.learned}
        return numbers | {
            "longest_example": self.longest,
            "dropped_too_long": self.dropped,
            "cut_too_long": self.cut,
            "dropped_control_tokens": self.controls,
        }


def nothing(_: Record) -> str:
    """No beginning: the collective is not named by a token."""
    return ""


def examples(
    records: Sequence[Located],
    renderer: Renderer,
    config: TrainConfig,
    limit: int,
    reply_start: ReplyStart = nothing,
) -> Examples:
    """Examples of at most ``limit`` tokens. Raises :class:`UsageError` for a longer one, unless told otherwise."""
    spoken = [located for located in records if _is_plain(located, renderer, config)]
    if not spoken:
        raise UsageError(f"all {len(records)} records hold control tokens, so nothing is left to learn")
    sft = [located for located in spoken if isinstance(located.record, SftRecord)]
    preferences = [located for located in spoken if isinstance(located.record, PreferenceRecord)]
    rows = _sft(sft, renderer, reply_start) + _preferences(preferences, renderer, reply_start, config)
    return _fitted(rows, config, limit)._replace(controls=len(records) - len(spoken))


def _is_plain(located: Located, renderer: Renderer, config: TrainConfig) -> bool:
    """Whether a record's words are only words. Raises :class:`UsageError` for one that is not, unless told otherwise:
    it could end a turn and begin another's, or speak with a collective's token. Marks of other models' templates show
    that a conversation was rendered before, and are no words either."""
    record = located.record
    texts = (
        [message.content for message in record.messages]
        if isinstance(record, SftRecord)
        else [*(message.content for message in record.prompt), record.chosen, record.rejected]
    )
    try:
        for text in texts:
            renderer.refuse_control_tokens(text)
            if (mark := _FOREIGN.search(text)) is not None:
                raise ModelError(
                    f"a message may not hold {mark.group()!r}, a mark of another model's chat template: records hold "
                    "messages as they were said"
                )
    except ModelError as error:
        if config.control_tokens == "drop":
            return False
        raise UsageError(
            f"{error} ({located.place}): take it out of the record, or set control_tokens to drop"
        ) from None
    return True


class _Row(NamedTuple):
    columns: dict[str, Any]
    located: Located

    @property
    def length(self) -> int:
        if "input_ids" in self.columns:
            return len(self.columns["input_ids"])
        replies = (len(self.columns["chosen_ids"]), len(self.columns["rejected_ids"]))
        return len(self.columns["prompt_ids"]) + max(replies)

    @property
    def tokens(self) -> int:
        if "input_ids" in self.columns:
            return self.length
        return 2 * len(self.columns["prompt_ids"]) + self.learned

    @property
    def learned(self) -> int:
        if "input_ids" in self.columns:
            return sum(label != -100 for label in self.columns["labels"])
        return len(self.columns["chosen_ids"]) + len(self.columns["rejected_ids"])

    def cut(self, limit: int) -> "_Row | None":
        """Without what is beyond the limit; ``None`` where nothing to learn would be left."""
        columns = dict(self.columns)
        if "input_ids" in columns:
            columns |= {key: columns[key][:limit] for key in ("input_ids", "labels")}
        else:
            left = max(0, limit - len(columns["prompt_ids"]))
            columns |= {key: columns[key][:left] for key in ("chosen_ids", "rejected_ids")}
            if not (columns["chosen_ids"] and columns["rejected_ids"]):
                return None
        shorter = self._replace(columns=columns)
        return shorter if shorter.learned else None


def _sft(records: Sequence[Located], renderer: Renderer, reply_start: ReplyStart) -> list[_Row]:
    conversations = [(_sft_record(located).messages, reply_start(located.record)) for located in records]
    return [
        _Row(
            {"input_ids": list(one.tokens), "labels": one.labels, "weight": _sft_record(located).weight},
            located,
        )
        for located, of_record in zip(records, taught(renderer, conversations), strict=True)
        for one in of_record
    ]


def _sft_record(located: Located) -> SftRecord:
    assert isinstance(located.record, SftRecord)
    return located.record


def _preferences(
    records: Sequence[Located], renderer: Renderer, reply_start: ReplyStart, config: TrainConfig
) -> list[_Row]:
    conversations = []
    for located in records:
        record = located.record
        assert isinstance(record, PreferenceRecord)
        start = reply_start(record)
        conversations += [
            ((*record.prompt, Message("assistant", reply)), start) for reply in (record.chosen, record.rejected)
        ]
    answered = [of_record[-1] for of_record in taught(renderer, conversations)]
    rows = []
    for located, chosen, rejected in zip(records, answered[::2], answered[1::2], strict=True):
        assert isinstance(located.record, PreferenceRecord)
        # Where a reply melts into the prompt's last token, both are read from before that token.
        shared = min(_prompt(chosen), _prompt(rejected))
        columns = {
            "prompt_ids": list(chosen.tokens[:shared]),
            "chosen_ids": list(chosen.tokens[shared:]),
            "rejected_ids": list(rejected.tokens[shared:]),
            "preference": located.record.preference if config.preference.soft else 1.0,
            "weight": located.record.weight,
        }
        rows.append(_Row(columns, located))
    return rows


def _prompt(example: Taught) -> int:
    return example.learned[-1][0]


def _fitted(rows: Sequence[_Row], config: TrainConfig, limit: int) -> Examples:
    kept: list[_Row] = []
    dropped = cut = 0
    for row in rows:
        if row.length <= limit:
            kept.append(row)
            continue
        match config.too_long:
            case "refuse":
                raise UsageError(
                    f"a record is too long: {row.length} tokens of at most {limit} ({row.located.place}); shorten it, "
                    "raise max_length if the model can read more, or set too_long to drop or cut"
                )
            case "cut" if (shorter := row.cut(limit)) is not None:
                kept.append(shorter)
                cut += 1
            case _:
                dropped += 1
    if not kept:
        raise UsageError(f"all {dropped} examples are longer than {limit} tokens: raise max_length or shorten records")
    return Examples(
        rows=tuple(row.columns for row in kept),
        tokens=sum(row.tokens for row in kept),
        learned=sum(row.learned for row in kept),
        longest=max(row.length for row in kept),
        dropped=dropped,
        cut=cut,
    )
