"""Numeric scales put the other way round, so that what a number means must be read from the question.

On a scale from 1 to 10 only the question says which end is which. A model that sees each such scale in one direction
learns where people's answers stand on the page and not what they mean; one that also sees it turned cannot. Knows the
ways in which surveys name the ends, no model and no people.
"""

import re

from pluralign.core.question import Question

NUMBER = r"-?\d+"
IN_BRACKETS = re.compile(rf"(from {NUMBER} \()([^()]+)(\) to {NUMBER} \()([^()]+)(\))")
"""… from 1 (never) to 10 (always): what stands in brackets changes places."""
MEANS = re.compile(rf"(?<![\w.-])({NUMBER})('? mean(?:s|ing) .+? '?)({NUMBER})('? mean(?:s|ing) )", re.DOTALL)
"""… where 1 means 'never' and 10 means 'always': the numbers change places."""


def mirrored(question: Question) -> Question | None:
    """The same question with the ends of its scale changed over, so that shares of its options are to be reversed.

    ``None`` where options have wordings of their own, which stay with them wherever they stand, or where the question
    does not name its two ends once, by the scale's own first and last number.
    """
    if not question.is_numeric or not question.scale.ordered:
        return None
    ends = (question.options[0].text, question.options[-1].text)
    text = question.text
    found = [(pattern, match) for pattern in (IN_BRACKETS, MEANS) for match in pattern.finditer(text)]
    if len(found) != 1:
        return None
    pattern, match = found[0]
    if pattern is IN_BRACKETS:
        before, low, between, high, after = match.groups()
        named = re.findall(NUMBER, before + between)
        turned = before + high + between + low + after
    else:
        first, middle, last, after = match.groups()
        named = [first, last]
        turned = last + middle + first + after
    if tuple(named) != ends:
        return None
    return question.model_copy(update={"text": text[: match.start()] + turned + text[match.end() :]})
