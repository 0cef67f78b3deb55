"""Value cards in the making: from answers to a draft, what is wrong with a draft, and the author's verdicts on it.

A card is its author's: nothing here changes their words, except that spaces are tidied and a policy begins with a
capital letter. Advice is advice; only what would harm somebody or make no card is refused.
"""

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.value_card import ValueCard
from pluralign.elicit.conduct import template
from pluralign.elicit.interview import QUESTIONS, Interview, Stage
from pluralign.engines.base import ChatRequest

MOST_POLICIES = 10
ADVISED_POLICIES = (3, 7)
ADVISED_TITLE_WORDS = 5
LONGEST_TITLE, LONGEST_POLICY, LONGEST_TEXT = 80, 240, 1000
"""Characters."""


def _(text: str) -> str:
    """Mark words for translators; whoever shows them translates them."""
    return text


class Draft(BaseModel):
    """A card that need not be whole yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(max_length=LONGEST_TITLE)] = ""
    summary: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    description: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    policies: Annotated[
        tuple[Annotated[str, Field(max_length=LONGEST_POLICY)], ...], Field(max_length=MOST_POLICIES)
    ] = ()

    def card(self, identity: str) -> ValueCard:
        """The draft as a card. Raises ValueError for what is no card yet."""
        return ValueCard(
            id=identity,
            title=self.title,
            summary=self.summary,
            description=self.description,
            policies=self.policies,
        )


class Issue(NamedTuple):
    """Something about a draft that its author should know."""

    field: Literal["title", "summary", "description", "policies"]
    code: str
    text: str
    """A sentence, to be translated."""
    refuses: bool
    """Whether the card cannot be submitted so."""
    row: int | None = None
    """Which policy, from 0."""


NO_TITLE = _("Give your card a name.")
NO_POLICIES = _("Name at least one thing that you look out for.")
TWICE = _("The same thing stands there twice.")
PERSONAL = _("This looks like an address, a telephone number or a link. Please leave out what could identify somebody.")
LONG_TITLE = _("A short name is easier to remember: two to five words.")
FEW_POLICIES = _("Most cards have three to seven things to look out for. Is there anything else?")
MANY_POLICIES = _("Most cards have three to seven things to look out for. Do all of these belong together?")
FORBIDS = _("Say what you look out for, rather than what one should not do.")

_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.\w+|https?://|www\.\w|(?<!\w)@\w{3,}|(?:\+|00)?\d[\d\s()./-]{6,}\d", re.IGNORECASE
)
# What is_personal finds is enough to refuse a text; to take it out, it must be found to its end.
_WHOLE_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+", re.IGNORECASE)
_FORBIDDING = re.compile(
    r"\b(should not|shouldn['’]t|must not|mustn['’]t|don['’]t|do not|never|no se debe|no hay que|nunca)\b"
    r"|لا ينبغي|لا يجب",
    re.IGNORECASE,
)


def tidy(draft: Draft) -> Draft:
    """Take superfluous spaces and blank policies out, and begin each policy with a capital letter."""
    policies = [_spaced(policy) for policy in draft.policies]
    return Draft(
        title=_spaced(draft.title),
        summary=_spaced(draft.summary),
        description=draft.description.strip(),
        policies=tuple(policy[:1].upper() + policy[1:] for policy in policies if policy),
    )


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" \t-•*·–")


def is_personal(text: str) -> bool:
    """Whether a text seems to hold an e-mail address, a link, an account name or a telephone number."""
    return _PERSONAL.search(text) is not None


def without_personal(text: str, instead: str = "[…]") -> str:
    """A text without e-mail addresses, links, account names and telephone numbers. Names of people it cannot tell."""
    return _PERSONAL.sub(instead, _WHOLE_ADDRESS.sub(instead, text))


def issues(draft: Draft) -> list[Issue]:
    """What to tell the author about a tidied draft: first what refuses it, then advice."""
    refused, advice = [], []
    if not draft.title:
        refused.append(Issue("title", "no_title", NO_TITLE, True))
    if not draft.policies:
        refused.append(Issue("policies", "no_policies", NO_POLICIES, True))
    seen: set[str] = set()
    for row, policy in enumerate(draft.policies):
        if policy.casefold() in seen:
            refused.append(Issue("policies", "twice", TWICE, True, row))
        seen.add(policy.casefold())
        if is_personal(policy):
            refused.append(Issue("policies", "personal", PERSONAL, True, row))
        if _FORBIDDING.search(policy):
            advice.append(Issue("policies", "forbids", FORBIDS, False, row))
    for field, text in (("title", draft.title), ("summary", draft.summary), ("description", draft.description)):
        if is_personal(text):
            refused.append(Issue(field, "personal", PERSONAL, True))  # type: ignore[arg-type]
    if len(draft.title.split()) > ADVISED_TITLE_WORDS:
        advice.append(Issue("title", "long_title", LONG_TITLE, False))
    few, many = ADVISED_POLICIES
    if 0 < len(draft.policies) < few:
        advice.append(Issue("policies", "few", FEW_POLICIES, False))
    if len(draft.policies) > many:
        advice.append(Issue("policies", "many", MANY_POLICIES, False))
    return [*refused, *advice]


class Verdict(StrEnum):
    """What an author says of one attention policy of their draft."""

    YES = "yes"
    ALMOST = "almost"
    NO = "no"


def judged(draft: Draft, verdicts: Sequence[Verdict | None], wordings: Sequence[str]) -> Draft:
    """The draft after its author's verdicts: "yes" keeps a policy, "almost" takes the new wording, "no" takes it out.

    One verdict (None: not said, keeps it) and one wording per policy. "Almost" without another wording keeps it too.
    """
    if not len(draft.policies) == len(verdicts) == len(wordings):
        raise ValueError(f"{len(draft.policies)} policies, {len(verdicts)} verdicts and {len(wordings)} wordings")
    kept = [
        (wording if verdict is Verdict.ALMOST and wording.strip() else policy)
        for policy, verdict, wording in zip(draft.policies, verdicts, wordings, strict=True)
        if verdict is not Verdict.NO
    ]
    return tidy(draft.model_copy(update={"policies": tuple(kept)}))


def from_answers(interview: Interview) -> Draft:
    """A draft in the person's own words, without a model: their list, else what they noticed, piece by piece."""
    said = {turn.stage: turn.answer or "" for turn in interview.answers}
    pieces = _pieces(said.get(Stage.LIST, "")) or _pieces(said.get(Stage.NOTICED, ""))
    unique = list(dict.fromkeys(piece[:LONGEST_POLICY] for piece in pieces))
    return tidy(Draft(policies=tuple(unique[:MOST_POLICIES])))


def _pieces(text: str) -> list[str]:
    """Lines; where there is only one, its sentences; where there is only one, what stands between commas."""
    for pattern in (r"\n+", r"(?<=[.!?؟])\s+|[;؛]", r"[,،]\s*|\s+(?:and|y|و)\s+"):
        found = [_spaced(piece).rstrip(".") for piece in re.split(pattern, text)]
        found = [piece for piece in found if piece]
        if len(found) > 1:
            return found
    return found


class DraftRequest(NamedTuple):
    """What a model is asked with, and the hash of its instructions."""

    request: ChatRequest
    prompt_hash: str


def draft_request(interview: Interview, about: str, language: str) -> DraftRequest:
    """Ask a model to put the answers of an interview into a card."""
    instructions = template("card.v1.txt")
    answers = "\n\n".join(f"{QUESTIONS[turn.stage].text}\n{turn.answer}" for turn in interview.answers)
    text = instructions.format(about=about, language=language, answers=answers)
    return DraftRequest(ChatRequest((Message("user", text),), max_tokens=600), content_hash(instructions))


def read_draft(reply: str) -> Draft | None:
    """The draft in a model's reply; None where there is none that can be read, or that a person could be known by."""
    start, end = reply.find("{"), reply.rfind("}")
    if start < 0 or end <= start:
        return None
    try:
        found: Any = json.loads(reply[start : end + 1])
        policies = tuple(str(policy) for policy in found.get("policies", ()))
        draft = tidy(Draft(title=str(found.get("title", "")), summary=str(found.get("summary", "")), policies=policies))
    except (ValueError, ValidationError, AttributeError, TypeError):
        return None
    return None if any(issue.refuses for issue in issues(draft)) else draft
