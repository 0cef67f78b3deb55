"""What tells who a person is, taken out of texts: addresses, numbers, handles, and names that are known.

Telephone numbers are found with ``phonenumbers`` (Google's libphonenumber); account and card numbers only count where
their check digits are right (``python-stdnum``), addresses of machines where ``ipaddress`` reads them. Names in running
text are found only if they are given, such as the authors of a dump: no rule finds others. ``docs/curate_corpus.md``
says what was measured. Knows no file and no record.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from pluralign.core.errors import MissingExtraError

KINDS = ("email", "url", "account", "card", "machine", "phone", "handle", "name")
"""In the order in which they are looked for; each is replaced by its name in brackets, such as ``[email]``."""

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]+(?:@|\s?[(\[]at[)\]]\s?)[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}", re.IGNORECASE)
_URL = re.compile(r"(?:https?://|ftp://|\bwww\.)[^\s<>\"')\]]+", re.IGNORECASE)
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_MACHINE = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w.:]*\w)")
_DIGITS = re.compile(r"\d(?:[\s().\-/]*\d){6,}")
"""Without so many digits in a row there is no telephone number, and nobody has to look for one."""
_HANDLE = re.compile(r"(?<![\w@/.])(?:@[A-Za-z0-9_][\w.-]{1,30}\w|/?\bu/[A-Za-z0-9_-]{3,20})")


class Scrubbed(NamedTuple):
    """A text without what it said of persons."""

    text: str
    found: Counter[str]
    """Kind -> how many."""


class Scrubber:
    """Takes the chosen kinds out of texts."""

    def __init__(self, kinds: Collection[str] = KINDS, regions: Iterable[str] = (), names: Iterable[str] = ()):
        """``regions``: countries ("GB") whose telephone numbers are recognised without a country code.

        ``names``: names to take out, in this very spelling, whole and by their capitalised parts ("Rosa Lind", "Rosa",
        "Lind"); parts of fewer than three letters are passed over.
        """
        try:
            import phonenumbers
            from stdnum import iban, luhn
        except ModuleNotFoundError:
            raise MissingExtraError("taking personal details out of texts", "curate") from None
        self._match_phone = phonenumbers.PhoneNumberMatcher
        # Numbers with a country code are found whatever the region.
        self._regions: tuple[str | None, ...] = tuple(regions) or (None,)
        whole = {name.strip() for name in names if len(name.strip()) > 1}
        parts = {part for name in whole for part in name.split() if len(part) > 2 and part[0].isupper()}
        known = sorted(whole | parts, key=lambda name: (-len(name), name))
        names_pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)") if known else None
        # What is left to recognise, where a pattern alone does not say.
        self._steps: list[tuple[str, re.Pattern[str] | None, Callable[[str], bool]]] = [
            ("email", _EMAIL, lambda _: True),
            ("url", _URL, lambda _: True),
            ("account", _ACCOUNT, iban.is_valid),
            ("card", _CARD, lambda number: bool(luhn.is_valid(re.sub("[ -]", "", number)))),
            ("machine", _MACHINE, _is_machine),
            ("phone", None, lambda _: True),
            ("handle", _HANDLE, lambda _: True),
            ("name", names_pattern, lambda _: True),
        ]
        self._steps = [step for step in self._steps if step[0] in kinds and (step[1] or step[0] == "phone")]

    def scrub(self, text: str) -> Scrubbed:
        """Put ``[email]``, ``[phone]`` … in the place of what is found."""
        found: Counter[str] = Counter()
        for kind, pattern, holds in self._steps:
            if pattern is None:
                text = self._phones(text, found)
                continue

            def put(match: re.Match[str], kind: str = kind, holds: Callable[[str], bool] = holds) -> str:
                if not holds(match[0]):
                    return match[0]
                found[kind] += 1
                return f"[{kind}]"

            text = pattern.sub(put, text)
        return Scrubbed(text, found)

    def _phones(self, text: str, found: Counter[str]) -> str:
        if _DIGITS.search(text) is None:
            return text
        for region in self._regions:
            for match in reversed(list(self._match_phone(text, region))):
                text = f"{text[: match.start]}[phone]{text[match.end :]}"
                found["phone"] += 1
        return text


def _is_machine(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return len(text) > 2
