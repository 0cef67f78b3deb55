"""An Overton reply leaves nobody out and attributes every part, or is not used."""

import pytest

from pluralign.voices.window import Said, WindowPart, quoted, read_woven, weave_request

SAID = (Said("Kenya", "Family comes first."), Said("Japan", "Work gives life its shape."))


def test_quotes_stand_under_their_names() -> None:
    reply = quoted((*SAID, Said("Nobody", "  ")))
    assert reply.text == "**Kenya**: Family comes first.\n\n**Japan**: Work gives life its shape."
    assert [part.voices for part in reply.parts] == [("Kenya",), ("Japan",)]
    assert not reply.woven


def test_the_model_is_shown_every_voice_by_number() -> None:
    user = weave_request("What matters?", SAID).messages[-1].content
    assert "[1] Kenya: Family comes first." in user
    assert "[2] Japan: Work gives life its shape." in user
    assert "What matters?" in user


@pytest.mark.parametrize(
    "text",
    [
        "Kenyans put family first [1]. For Japan work gives life its shape [2]. Both want respect [1, 2].",
        "Kenyans put family first. [1] For Japan work gives life its shape. [2] Both want respect. [1,2]",
        "Kenyans put family first. [1]\nFor Japan work gives life its shape. [2]\nBoth want respect. [1][2]",
    ],
)
def test_a_text_that_attributes_every_sentence_is_read(text: str) -> None:
    reply = read_woven(text, SAID)
    assert reply is not None
    assert reply.woven
    assert reply.parts == (
        WindowPart("Kenyans put family first.", ("Kenya",)),
        WindowPart("For Japan work gives life its shape.", ("Japan",)),
        WindowPart("Both want respect.", ("Kenya", "Japan")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Kenyans put family first [1].",  # Japan is left out
        "Kenyans put family first [1]. All agree. Work gives life its shape [2].",  # one sentence is nobody's
        "Kenyans put family first [1]. Work gives life its shape [3].",  # there is no third
        "Kenyans put family first [1]. Work gives life its shape [2]. I think so too.",
    ],
)
def test_a_text_that_does_not_is_not_used(text: str) -> None:
    assert read_woven(text, SAID) is None


def test_a_voice_that_said_nothing_need_not_be_named() -> None:
    assert read_woven("Family first [1].", (SAID[0], Said("Silent", " "))) is not None
