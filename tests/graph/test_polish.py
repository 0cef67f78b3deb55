"""Polishing may touch wording only; what loses a number, a point or a key word is refused and reported."""

import pytest

from pluralign.core.constitution import Alternative, Citation, Constitution, Contest, Principle
from pluralign.graph.polish import polish

TEXT = "Look at this:\n- SIGNS of fear in 3 of 4 people\n- words that calm\nSay what is missing."


def constitution() -> Constitution:
    return Constitution(
        title="Ours",
        principles=(
            Principle(
                id="b@home",
                title="B",
                critique_request=TEXT,
                revision_request=TEXT,
                citations=(Citation(card="b", people=9),),
                alternatives=(
                    Alternative(
                        citation=Citation(card="c", people=4),
                        title="C",
                        critique_request=TEXT,
                        reasons=(Contest.cycle,),
                    ),
                ),
            ),
        ),
    )


def test_better_wording_is_taken_and_everything_else_stays() -> None:
    prompts = []

    def rewrite(prompt: str) -> str:
        prompts.append(prompt)
        return TEXT.replace("Look at this", "Please look at this")

    polished = polish(constitution(), rewrite, model="fake")
    (principle,) = polished.constitution.principles
    assert polished.rewritten == 3
    assert not polished.kept
    assert principle.critique_request.startswith("Please look")
    assert principle.alternatives[0].critique_request.startswith("Please look")
    assert principle.alternatives[0].revision_request == "", "an empty text is not sent to the model"
    assert principle.citations == constitution().principles[0].citations
    assert polished.constitution.origin.wording.endswith("polished by fake")
    assert all(TEXT in prompt for prompt in prompts)
    assert all("people=9" not in prompt for prompt in prompts)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "the model gave no text"),
        (TEXT.replace("3 of 4", "some"), "numbers were changed"),
        (TEXT.replace("- words that calm\n", ""), "1 points instead of 2"),
        (TEXT.replace("SIGNS", "traces"), "the word SIGNS was lost"),
        (TEXT + " And so on." * 30, f"{len(TEXT) + 330} characters instead of {len(TEXT)}"),
    ],
)
def test_a_version_that_lost_something_is_reported_and_not_used(reply: str, reason: str) -> None:
    polished = polish(constitution(), lambda _: reply, model="fake")
    assert polished.rewritten == 0
    assert polished.constitution.principles == constitution().principles
    assert {kept.reason for kept in polished.kept} == {reason}
    assert [(kept.principle, kept.card, kept.field) for kept in polished.kept] == [
        ("b@home", "b", "critique_request"),
        ("b@home", "b", "revision_request"),
        ("b@home", "c", "critique_request"),
    ]
