"""Numbers as readers see them: rounded alike everywhere, a real minus sign, a dash where there is no number.

Knows no scores and no page.
"""

from collections.abc import Sequence
from typing import Final

NONE: Final = "–"
"""What stands where a number does not exist."""

DISTANCE_NAMES: Final = {
    "wasserstein": "Wasserstein distance",
    "js_distance": "Jensen–Shannon distance",
    "total_variation": "total variation",
}

DISTANCE_SENTENCES: Final = {
    "wasserstein": (
        "How far answers would have to be moved along the scale, on average, to turn the voice’s answers into the "
        "people’s: 0 is not at all, 1 is everyone from one end to the other. Ordered scales only."
    ),
    "js_distance": (
        "How easily the voice’s answers are told from the people’s: 0 is the same answers, 1 is no answer in common "
        "(square root of the divergence, logarithm to base 2)."
    ),
    "total_variation": (
        "The share of answers that would have to change to turn the voice’s answers into the people’s: 0 is none, "
        "1 is all."
    ),
}


def number(value: float | None, digits: int = 2) -> str:
    """A number with a fixed count of digits, such as ``−0.40``; a dash for ``None``."""
    if value is None:
        return NONE
    text = f"{value:,.{digits}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.removeprefix("-")  # a negative zero says nothing
    return text.replace("-", "−")


def signed(value: float | None, digits: int = 2) -> str:
    """A change with its sign, such as ``+0.12`` or ``−0.03``."""
    text = number(value, digits)
    return text if value is None or text.startswith("−") or not any(one in text for one in "123456789") else f"+{text}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Both ends of an interval in words, such as ``0.19 to 0.24``; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share as per cent. What is neither none nor all is never rounded to none or all."""
    if value is None:
        return NONE
    text = f"{100 * value:.{digits}f}"
    smallest = 10.0**-digits
    if value > 0 and float(text) == 0:
        return f"under {smallest:.{digits}f}%"
    if value < 1 and float(text) == 100:
        return f"over {100 - smallest:.{digits}f}%"
    return f"{text.removeprefix('-') if float(text) == 0 else text}%"


def percent_interval(low: float | None, high: float | None) -> str:
    """Both ends of an interval of shares, such as ``12 to 88%``; empty where there is none."""
    if low is None or high is None:
        return ""
    if percent(low) == percent(high):
        return percent(high)
    return f"{percent(low).removesuffix('%')} to {percent(high)}"


def count(value: int, one: str, many: str = "") -> str:
    """A count and its noun, such as ``1 people`` or ``1,200 questions``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names as a reader says them: ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def sentence(text: str) -> str:
    """A phrase as a sentence begins: the first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]
