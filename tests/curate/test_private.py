"""What is taken out of texts and what is left, on sentences made by hand; the figures of docs/curate_corpus.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.curate.private import KINDS, Scrubber
from tests.curate.private_set import NAMES, NEGATIVE, POSITIVE, REGIONS

SCRUBBER = Scrubber(KINDS, REGIONS, NAMES)

MISSED = {
    "bob at example dot com, you know how to read it",  # no pattern reads that without reading too much
    "my page is example.org/anna",  # neither scheme nor www
    "phone 030 901820, the German way",  # of a country the recipe does not name
    "My neighbour Petra said the same.",  # a name that nobody gave
    "ottilie is right",  # not in this spelling
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_found_and_what_is_known_to_be_missed(kind: str) -> None:
    for text, secret in POSITIVE[kind]:
        scrubbed = SCRUBBER.scrub(text)
        if text in MISSED:
            assert secret in scrubbed.text
        else:
            assert scrubbed.text == text.replace(secret, f"[{kind}]"), text
            assert scrubbed.found == {kind: 1}


TAKEN_TOO_MUCH = "Version 2.4.1.9 of the rules, paragraph 3.2.1."  # reads as the address of a machine


@pytest.mark.parametrize("text", NEGATIVE)
def test_what_is_no_persons_business_stays(text: str) -> None:
    if text == TAKEN_TOO_MUCH:
        assert SCRUBBER.scrub(text).text == "Version [machine] of the rules, paragraph 3.2.1."
        return
    assert SCRUBBER.scrub(text).text == text


def test_numbers_with_wrong_check_digits_are_no_accounts_and_no_cards() -> None:
    own = Scrubber(["account", "card"])
    for text in ("IBAN DE89 3704 0044 0532 0130 02", "card 4111 1111 1111 1112"):
        assert own.scrub(text).text == text


def test_only_the_kinds_that_are_asked_for() -> None:
    text = "jo@example.org or @jo or +49 30 901820"
    assert Scrubber(["email"]).scrub(text).text == "[email] or @jo or +49 30 901820"
    assert Scrubber([]).scrub(text).text == text


@given(st.text())
def test_any_text_survives_and_is_scrubbed_for_good(text: str) -> None:
    once = SCRUBBER.scrub(text).text
    assert SCRUBBER.scrub(once).text == once
