"""What a second model is asked about a free text."""

import pytest

from pluralign.core.errors import UsageError
from pluralign.core.question import Option, Question, Scale
from pluralign.prompts.reader import LONGEST, NONE_OF_THESE, reading_prompt


def question(count: int) -> Question:
    options = tuple(Option(id=at + 1, text=f"answer {at}") for at in range(count))
    return Question(id="Q", text="Which?", options=options, scale=Scale.NOMINAL)


def test_options_are_lettered_by_place_and_none_of_these_is_last() -> None:
    prompt = reading_prompt(question(3), "Well,\n  I think so.", (2, 0, 1))
    assert [message.role for message in prompt.messages] == ["system", "user"]
    user = prompt.messages[-1].content
    assert f"A. answer 2\nB. answer 0\nC. answer 1\nD. {NONE_OF_THESE}\n" in user
    assert '"Well, I think so."' in user
    # in the survey's order: answer 0 stands second
    assert [forms[0] for forms in prompt.forms] == ["B", "C", "A", "D"]


def test_a_text_without_end_is_cut_off() -> None:
    assert len(reading_prompt(question(2), "x" * 100_000, (0, 1)).messages[-1].content) < LONGEST + 500


def test_letters_end() -> None:
    assert reading_prompt(question(25), "yes", tuple(range(25))).forms[-1] == ("Z", " Z")
    with pytest.raises(UsageError, match="a reader's letters reach only to 25"):
        reading_prompt(question(26), "yes", tuple(range(26)))
