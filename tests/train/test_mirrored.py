"""Scales the other way round: which can be turned, and that shares turn with them."""

from pathlib import Path

import pytest

from pluralign.core.question import Option, Question, Scale
from pluralign.surveys import load
from pluralign.train.mirrored import mirrored


def scale(text: str, low: int = 1, high: int = 10, kind: Scale = Scale.INTERVAL) -> Question:
    options = tuple(Option(id=code, text=str(code)) for code in range(low, high + 1))
    return Question(id="Q", text=text, options=options, scale=kind)


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("Is it right? From 1 (never) to 10 (always).", None),
        ("A number from 1 (never) to 10 (always).", "A number from 1 (always) to 10 (never)."),
        (
            "On a card where 1 means 'none at all' and 10 means 'a great deal', how much?",
            "On a card where 10 means 'none at all' and 1 means 'a great deal', how much?",
        ),
        (
            "from '1' meaning 'no risk' to '10' meaning 'high risk'?",
            "from '10' meaning 'no risk' to '1' meaning 'high risk'?",
        ),
        ("Here 0 means 'against', 1 means 'not part of it' and 10 means 'its core'.", None),
        ("A number from 1 (never) to 5 (always).", None),
        ("From 1 to 10, how much?", None),
        ("A number from 1 (no) to 10 (yes), then a number from 1 (bad) to 10 (good).", None),
    ],
)
def test_ends_change_places_where_the_question_names_both(text: str, turned: str | None) -> None:
    found = mirrored(scale(text))
    assert (found.text if found else None) == turned


@pytest.mark.parametrize("question", [one for one in load("world-mini").questions if mirrored(one)], ids=lambda q: q.id)
def test_turned_twice_a_question_is_itself(question: Question) -> None:
    turned = mirrored(question)
    assert turned is not None
    assert turned.text != question.text
    assert mirrored(turned) == question


def test_options_with_wordings_and_scales_without_order_are_left_alone() -> None:
    text = "A number from 1 (never) to 10 (always)."
    assert mirrored(scale(text, kind=Scale.NOMINAL)) is None
    worded = scale(text).model_copy(
        update={"options": (Option(id=1, text="never"), Option(id=10, text="always")), "scale": Scale.ORDINAL}
    )
    assert mirrored(worded) is None


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:Could not find a config file in")
def test_shares_turn_with_the_scale(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from tests.train.test_distributional import trainer

    one = trainer(tmp_path, mirrored=True)
    own = {
        figure.question.text: figure
        for figure in one.data.figures
        if mirrored(figure.question) and figure.mean != figure.mean[::-1]
    }
    turned = {found.text: own[text] for text in own if (found := mirrored(own[text].question))}
    seen = {"own": 0, "turned": 0}
    for _ in range(6 * len(one.data.figures)):
        requests, people, figure = one._next()
        text = requests[0].messages[-1].content
        kind = next((kind for kind, texts in (("own", own), ("turned", turned)) if any(t in text for t in texts)), None)
        if kind is None:
            continue
        seen[kind] += 1
        expected = figure.mean if kind == "own" else figure.mean[::-1]
        assert people[-1].tolist() == pytest.approx(expected), "nobody's token comes last and says the mean"
    assert min(seen.values()) > 0.3 * sum(seen.values()), "each about half the time"
