"""Records refuse what no trainer could use or nobody could trace."""

import pytest
from pydantic import ValidationError

from pluralign.core.chat import Message
from pluralign.core.records import PreferenceRecord, Provenance, SftRecord

MADE = Provenance(recipe="test", parents=("question:Q1",))
ASKED, SAID = Message("user", "Why?"), Message("assistant", "Because.")


def sft(*turns: Message, **changes: object) -> SftRecord:
    fields: dict[str, object] = {"messages": turns, "source": "made by hand", "licence": "CC0", "provenance": MADE}
    return SftRecord.model_validate(fields | changes)


def pair(chosen: str = "Yes.", rejected: str = "No.", **changes: object) -> PreferenceRecord:
    fields: dict[str, object] = {"prompt": (ASKED,), "chosen": chosen, "rejected": rejected}
    fields |= {"source": "made by hand", "licence": "CC0", "provenance": MADE}
    return PreferenceRecord.model_validate(fields | changes)


def test_a_conversation_ends_with_the_assistant() -> None:
    assert sft(Message("system", "Be brief."), ASKED, SAID).messages[-1] == SAID
    for turns in [
        (),
        (ASKED,),
        (SAID,),
        (ASKED, ASKED, SAID),
        (Message("system", "x"),),
        (ASKED, Message("assistant", " ")),
    ]:
        with pytest.raises(ValidationError):
            sft(*turns)


def test_licence_and_source_cannot_be_left_out() -> None:
    for missing in ("licence", "source"):
        with pytest.raises(ValidationError, match=missing):
            sft(ASKED, SAID, **{missing: ""})


def test_a_preference_is_between_two_different_replies_and_at_least_even() -> None:
    assert pair(preference=0.7).preference == 0.7
    with pytest.raises(ValidationError, match="same"):
        pair("Yes.", "Yes.")
    with pytest.raises(ValidationError):
        pair(preference=0.4)
    with pytest.raises(ValidationError, match="user's"):
        pair(prompt=(ASKED, SAID))


def test_ids_follow_content_and_speaker_only() -> None:
    assert sft(ASKED, SAID).id == sft(ASKED, SAID, source="elsewhere", weight=2.0).id
    assert sft(ASKED, SAID).id != sft(ASKED, SAID, collective="KEN").id
    assert pair().id != pair("No.", "Yes.").id


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="wieght"):
        sft(ASKED, SAID, wieght=2)
