"""Dumps of chats and forums as export tools write them: WhatsApp, Telegram, Discord, Slack and Reddit.

Only what members wrote: notices of joining, leaving and deleting are passed over. Sources of the formats: WhatsApp's
"export chat" text, Telegram Desktop's ``result.json``, DiscordChatExporter's JSON, Slack's daily channel files, and
Reddit's comment and submission objects, one a line.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pluralign.core.errors import DataError
from pluralign.curate.corpus_posts import Post, Thread

_LINE = re.compile(
    r"""^[\u200e\u200f]?\[?
    (?P<when>\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?\s+\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:[\s\u202f]*[AaPp]\.?[Mm]\.?)?)
    \]?\s*(?:-\s*)?(?P<rest>.*)$""",
    re.VERBOSE,
)
_SAID = re.compile(r"^(?P<author>[^:]{1,60}):\s(?P<text>.*)$", re.DOTALL)
_NOTICE = re.compile(
    r"^\W*(?:<.*(?:omitted|attached).*>|.*\bomitted|this message was deleted|you deleted this message"
    r"|messages and calls are end-to-end encrypted.*)\W*$",
    re.IGNORECASE | re.DOTALL,
)
_SLACK_LINK = re.compile(r"<([@#!]?)([^>|]*)(?:\|([^>]*))?>")


def detect(text: str) -> str | None:
    """Name of the format, as far as it can be told from the beginning; ``None`` for plain text."""
    start = text.lstrip("\ufeff \t\r\n")
    lines = [line for line in start[:4000].splitlines() if line.strip()]
    if start[:1] not in "[{" or _LINE.match(lines[0] if lines else ""):
        return "whatsapp" if lines and sum(_LINE.match(line) is not None for line in lines[:10]) >= 2 else None
    try:
        data = json.loads(start)
    except ValueError:
        try:
            data = json.loads(lines[0])
        except (ValueError, IndexError):
            return None
        return "reddit" if (isinstance(data, dict) and "link_id" in data) or _is_submission(data) else "json"
    if isinstance(data, dict) and isinstance(data.get("messages"), list):
        first = data["messages"][0] if data["messages"] else {}
        if "guild" in data or "channel" in data:
            return "discord"
        return "telegram" if "from" in first or "type" in first else "json"
    if isinstance(data, list) and data and isinstance(data[0], dict):
        if "ts" in data[0] and "text" in data[0]:
            return "slack"
        return "reddit" if "link_id" in data[0] or _is_submission(data[0]) else "json"
    return "json"


def _is_submission(data: Any) -> bool:
    return isinstance(data, dict) and "selftext" in data


def _whatsapp(text: str, name: str, _file: str) -> Iterator[Thread]:
    posts: list[Post] = []
    said: re.Match[str] | None = None
    more: list[str] = []

    def close() -> None:
        if said is not None:
            full = "\n".join([said["text"], *more])
            if not _NOTICE.match(full):
                posts.append(Post(str(len(posts) + 1), said["author"].strip("~ \u200e\u202a\u202c"), full))

    for line in text.lstrip("\ufeff").splitlines():
        found = _LINE.match(line)
        if found is None:
            more.append(line)
            continue
        close()
        said, more = _SAID.match(found["rest"]), []
    close()
    yield Thread(name, "", tuple(posts))


def _telegram(text: str, name: str, file: str) -> Iterator[Thread]:
    data = _json(text, file)
    posts = [
        Post(
            str(message.get("id", at)),
            str(message.get("from_id") or message.get("from") or ""),
            _telegram_text(message.get("text", "")),
            str(message.get("reply_to_message_id", "")),
        )
        for at, message in enumerate(_messages(data, file))
        if message.get("type", "message") == "message" and not message.get("forwarded_from")
    ]
    yield Thread(name, "", tuple(posts))


def _telegram_text(text: Any) -> str:
    """A text, or a list of texts and marked-up pieces."""
    if isinstance(text, list):
        return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in text)
    return str(text)


def _discord(text: str, name: str, file: str) -> Iterator[Thread]:
    posts = [
        Post(
            str(message.get("id", at)),
            str(message["author"].get("id") or message["author"].get("name") or ""),
            str(message.get("content", "")),
            str((message.get("reference") or {}).get("messageId") or ""),
        )
        for at, message in enumerate(_messages(_json(text, file), file))
        if isinstance(message.get("author"), dict)
        and message.get("type", "Default") in {"Default", "Reply"}
        and not message["author"].get("isBot")
    ]
    yield Thread(name, "", tuple(posts))


def _slack(text: str, name: str, file: str) -> Iterator[Thread]:
    """One thread per ``thread_ts``; everything outside threads is the channel's own."""
    threads: dict[str, list[Post]] = {}
    for message in _json(text, file):
        if message.get("type", "message") != "message" or message.get("subtype") or message.get("bot_id"):
            continue
        own, thread = str(message.get("ts", "")), str(message.get("thread_ts", ""))
        said = _SLACK_LINK.sub(lambda link: link[3] or ("" if link[1] else link[2]), str(message.get("text", "")))
        threads.setdefault(thread, []).append(Post(own, str(message.get("user", "")), said))
    for thread, posts in threads.items():
        yield Thread(f"{name}#{thread}" if thread else name, "", tuple(posts))


def _reddit(text: str, name: str, file: str) -> Iterator[Thread]:
    """One thread per submission; ids carry their kind, ``t1_`` for comments and ``t3_`` for submissions."""
    threads: dict[str, list[tuple[float, Post]]] = {}
    titles: dict[str, str] = {}
    for one in _json_lines(text, file):
        submission = _is_submission(one)
        own = str(one.get("name") or ("t3_" if submission else "t1_") + str(one.get("id", "")))
        thread = own if submission else str(one.get("link_id", own))
        if submission:
            titles[thread] = str(one.get("title", ""))
        said = str(one.get("selftext" if submission else "body") or "")
        author = str(one.get("author", ""))
        post = Post(own, "" if author == "[deleted]" else author, said, str(one.get("parent_id", "")))
        threads.setdefault(thread, []).append((float(one.get("created_utc") or 0), post))
    for thread, posts in threads.items():
        posts.sort(key=lambda dated: dated[0])
        yield Thread(f"{name}#{thread}", titles.get(thread, ""), tuple(post for _, post in posts))


def _messages(data: Any, file: str) -> Iterable[Mapping[str, Any]]:
    messages = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(messages, list):
        raise DataError("expected an export with a list of 'messages'", file=file)
    return (message for message in messages if isinstance(message, dict))


def _json(text: str, file: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"not valid JSON: {error}", file=file) from None


def _json_lines(text: str, file: str) -> Iterator[Mapping[str, Any]]:
    if text.lstrip()[:1] == "[":
        yield from _json(text, file)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                raise DataError("not valid JSON", file=file, line=number) from None


DUMPS: dict[str, Callable[[str, str, str], Iterator[Thread]]] = {
    "whatsapp": _whatsapp,
    "telegram": _telegram,
    "discord": _discord,
    "slack": _slack,
    "reddit": _reddit,
}
"""Format -> reader of (text, file name, path)."""
