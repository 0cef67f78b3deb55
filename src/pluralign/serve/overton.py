"""An Overton panel's reply while it is spoken: members speak at once, and one reply that covers them is heard.

Quoted, members' words stand side by side in the panel's order, each passed on as it comes when its turn is there.
Woven, they are waited for, and a model's text that covers them is heard passage by passage; one that fails to say
whose view every sentence is is not used. Knows no HTTP.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from pluralign.core.chat import Message
from pluralign.engines.base import ChatRequest
from pluralign.engines.live import End, Live, Part, Utterance
from pluralign.serve.answers import Attributed
from pluralign.serve.hearing import Begun, Inbox, hearing
from pluralign.serve.served import ServedMember
from pluralign.voices.speaking import Sampling
from pluralign.voices.window import Quoting, Said, own_words, quoted, read_woven, weave_request


@dataclass(frozen=True)
class Window:
    """What a panel is asked for."""

    members: tuple[ServedMember, ...]
    messages: tuple[Message, ...]
    sampling: Sampling
    """Of every member. Its stops end a member's words, not the reply."""
    client: str
    weaver: Live | None = None
    """Who weaves the members' words into one text; ``None``: they are quoted."""
    weaving_tokens: int = 512


@asynccontextmanager
async def window(asked: Sequence[Window]) -> AsyncIterator[Inbox]:
    """Start the replies of a panel and listen to them, as :func:`pluralign.serve.hearing.hearing` does to a voice's."""
    everyone = [(which, member) for which, one in enumerate(asked) for member in range(len(one.members))]
    replies = [_begun(asked[which], member) for which, member in everyone]
    heard: Inbox = asyncio.Queue()
    async with hearing(replies) as inbox:
        pending = [_Reply(one) for one in asked]
        listening = asyncio.create_task(_compose(inbox, heard, everyone, pending))
        try:
            yield heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def _begun(asked: Window, at: int) -> Begun:
    member = asked.members[at]
    request = member.voice.speaker.request(_as_heard_by(asked, member), asked.sampling)
    return Begun(member.voice.live, Utterance((Part(request),), client=asked.client))


def _as_heard_by(asked: Window, member: ServedMember) -> tuple[Message, ...]:
    """The conversation, in whose earlier replies a member finds its own words; where it had none, the whole reply."""
    titles = [one.title for one in asked.members]
    found = []
    for message in asked.messages:
        own = own_words(message.content, member.title, titles) if message.role == "assistant" else None
        found.append(message if not own else replace(message, content=own))
    return tuple(found)


class _Reply:
    """One reply of the panel, as far as it has come."""

    def __init__(self, asked: Window):
        self.asked = asked
        self.said = ["" for _ in asked.members]
        self.ends: list[End | None] = [None for _ in asked.members]
        self._turn = 0
        self._passed_on = 0
        """Characters of the member whose turn it is that were passed on."""
        self._quoting = Quoting(asked.members[0].title, first=True)
        self._anything = False

    def hear(self, at: int, heard: End | str) -> list[Attributed]:
        """Take in what a member said; gives what the reply gains by it."""
        if isinstance(heard, End):
            self.ends[at] = heard
        else:
            self.said[at] += heard
        found: list[Attributed] = []
        while self.asked.weaver is None and self._turn < len(self.said):
            text = self._quoting.say(self.said[self._turn][self._passed_on :])
            self._passed_on = len(self.said[self._turn])
            self._anything = self._anything or self._quoting.begun
            if text:
                found.append(Attributed(text, voices=(self.asked.members[self._turn].voice.name,)))
            if self.ends[self._turn] is None:
                break
            self._turn, self._passed_on = self._turn + 1, 0
            if self._turn < len(self.said):
                self._quoting = Quoting(self.asked.members[self._turn].title, first=not self._anything)
        return found

    @property
    def whole(self) -> bool:
        """Whether every member has said all it had to say."""
        return all(end is not None for end in self.ends)

    def end(self, weaving: End | None = None) -> End:
        """The end of the reply: tokens of all who spoke; cut off where any of them was, refused where all did."""
        ends = [end for end in (*self.ends, weaving) if end is not None]
        finishes = {end.finish for end in ends}
        finish: Literal["stop", "length", "refused"] = "stop"
        if finishes == {"refused"}:
            finish = "refused"
        elif "length" in finishes:
            finish = "length"
        return End(finish, sum(end.prompt_tokens for end in ends), sum(end.completion_tokens for end in ends))

    def weaving(self) -> ChatRequest:
        """Asks for one text that covers the members' words."""
        question = next(one.content for one in reversed(self.asked.messages) if one.role == "user")
        return weave_request(
            question, self._words(), max_tokens=self.asked.weaving_tokens, seed=self.asked.sampling.seed
        )

    def woven(self, text: str) -> list[Attributed]:
        """The woven text passage by passage; the members' own words where it fails to say whose view is which."""
        names = {member.title: member.voice.name for member in self.asked.members}
        said = self._words()
        reply = read_woven(text, said) or quoted(said)
        found = []
        for place, part in enumerate(reply.parts):
            voices = ", ".join(part.voices)
            shown = f"{part.text} ({voices})" if reply.woven else f"**{voices}**: {part.text}"
            gap = "" if place == 0 else " " if reply.woven else "\n\n"
            found.append(Attributed(f"{gap}{shown}", voices=tuple(names[title] for title in part.voices)))
        return found

    def _words(self) -> list[Said]:
        return [Said(one.title, text) for one, text in zip(self.asked.members, self.said, strict=True)]


async def _compose(inbox: Inbox, out: Inbox, everyone: Sequence[tuple[int, int]], replies: Sequence[_Reply]) -> None:
    """From what members say to what the panel says. Ends when all replies are whole, or with what went wrong."""
    weavers = []
    try:
        left = len(everyone)
        while left:
            index, heard = await inbox.get()
            if isinstance(heard, Exception):
                raise heard
            which, at = everyone[index]
            reply = replies[which]
            left -= isinstance(heard, End)
            for piece in reply.hear(at, heard if isinstance(heard, End) else heard.text):
                out.put_nowait((which, piece))
            if not reply.whole:
                continue
            if reply.asked.weaver is None:
                out.put_nowait((which, reply.end()))
            else:
                weavers.append(asyncio.create_task(_weave(which, reply, reply.asked.weaver, out)))
        for weaver in weavers:
            await weaver
    except Exception as error:
        out.put_nowait((0, error))
    finally:
        for weaver in weavers:
            weaver.cancel()


async def _weave(which: int, reply: _Reply, weaver: Live, out: Inbox) -> None:
    text, end = "", None
    async with hearing([Begun(weaver, Utterance((Part(reply.weaving()),), client=reply.asked.client))]) as inbox:
        while end is None:
            _, heard = await inbox.get()
            if isinstance(heard, Exception):
                raise heard
            if isinstance(heard, End):
                end = heard
            else:
                text += heard.text
    for piece in reply.woven(text):
        out.put_nowait((which, piece))
    out.put_nowait((which, reply.end(end)))
