"""The scale of options whose source names none, recognised from their wording. Knows only English.

A rule, not a judgement: options are a scale if they are consecutive numbers, or begin and end like one ("Very …" to
"Not at all …") with nothing off the scale among them. Everything else is nominal, which never claims an order that is
not there.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from pluralign.core.question import Scale

_TOP = re.compile(
    r"(very|strongly|completely|definitely|totally|extremely|a lot|a great deal|great deal|a great danger|major|"
    r"top priority|one of the most|always|often|most\b|all of|daily|more than once|too much|have done)",
    re.IGNORECASE,
)
_BOTTOM = re.compile(
    r"(very|strongly|completely|definitely|totally|extremely|not\b|no\b|none|never|nothing|only a little|rarely|"
    r"hardly|there are not|it doesn|should not|have not|there is no|less often)",
    re.IGNORECASE,
)
_OFF = re.compile(
    r"\((vol|do not read)\.?\)|\b(other|depends|neither/both|both|never heard|not of this|not allowed|already)\b|"
    r"^no influence$|^not a moral issue$",
    re.IGNORECASE,
)
MISSING = re.compile(
    r"^(dk\b|dk/|don'?t know|no answer|refused|refusal|missing|other missing|not asked|not applicable|not available|"
    r"no response)",
    re.IGNORECASE,
)
"""Options that are no answer: they belong to the refused share, not to the scale."""


def recognise(options: Sequence[str]) -> Scale:
    """Interval for five or more consecutive numbers, ordinal for a recognised ladder of words, else nominal."""
    if len(options) >= 3 and all(option.isdecimal() for option in options):
        numbers = [int(option) for option in options]
        if all(later - earlier == 1 for earlier, later in pairwise(numbers)):
            return Scale.INTERVAL if len(numbers) >= 5 else Scale.ORDINAL
        return Scale.NOMINAL
    if len(options) < 3 or any(_OFF.search(option) for option in options):
        return Scale.NOMINAL
    if _TOP.match(options[0]) and _BOTTOM.match(options[-1]):
        return Scale.ORDINAL
    if _BOTTOM.match(options[0]) and _TOP.match(options[-1]) and not _TOP.match(options[0]):
        return Scale.ORDINAL
    return Scale.NOMINAL
