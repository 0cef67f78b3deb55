"""What the likeliest tokens say about options, worked by hand."""

import math
from typing import Any

import pytest

from pluralign.core.chat import Message
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.http_bounds import Listed, bounded, listed, unknown


def bounds(
    options: tuple[tuple[str, ...], ...], shares: dict[str, float], ceiling: float | None = None
) -> OptionScores:
    rest = 1 - math.fsum(shares.values())
    known = Listed({text.encode(): share for text, share in shares.items()}, rest, rest if ceiling is None else ceiling)
    return bounded(ScoreRequest((Message("user", "?"),), options), known, 7)


def shares(logprobs: tuple[float, ...] | None) -> list[float]:
    assert logprobs is not None
    return [math.exp(value) for value in logprobs]


def entry(token: str, probability: float, **more: Any) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(probability), "bytes": list(token.encode()), **more}


def test_options_that_are_listed_are_known() -> None:
    scores = bounds((("A",), ("B", " B"), ("C",)), {"A": 0.5, "B": 0.2, " B": 0.1, "C": 0.1})
    assert shares(scores.low) == pytest.approx([0.5, 0.3, 0.1])
    assert shares(scores.high) == pytest.approx([0.5, 0.3, 0.1])
    assert [shares(forms) for forms in scores.forms] == [[0.5], pytest.approx([0.2, 0.1]), pytest.approx([0.1])]
    assert scores.prompt_tokens == 7


def test_an_option_that_is_not_listed_has_nothing_for_certain_and_at_most_what_the_last_one_listed_has() -> None:
    # 1 - 0.6 - 0.2 - 0.05 = 0.15 is left; no single token of it has more than 0.05.
    scores = bounds((("A",), ("B",), ("C",)), {"A": 0.6, "B": 0.2, "x": 0.05}, ceiling=0.05)
    assert scores.logprobs == scores.low
    assert shares(scores.low) == pytest.approx([0.6, 0.2, 0])
    assert shares(scores.high) == pytest.approx([0.6, 0.2, 0.05])
    assert scores.low is not None
    assert scores.low[2] == -math.inf, "nothing is filled in"


def test_several_forms_that_are_not_listed_share_what_is_left() -> None:
    # Four forms of 0.05 each would be 0.2, but only 0.12 is left.
    scores = bounds((("A",), ("B", " B", "b", " b")), {"A": 0.88}, ceiling=0.05)
    assert shares(scores.high) == pytest.approx([0.88, 0.12])


def test_a_token_that_begins_several_options_counts_for_none_of_them_for_certain() -> None:
    scores = bounds((("Strongly agree",), ("Strongly disagree",), ("Neither",)), {"Strongly": 0.7, "Neither": 0.2})
    assert shares(scores.low) == pytest.approx([0, 0, 0.2])
    assert shares(scores.high) == pytest.approx([0.7, 0.7, 0.2])


def test_a_token_that_may_go_on_to_another_option_is_not_certain() -> None:
    # "1" may become "10" where the model writes one digit at a time …
    scores = bounds((("1",), ("2",), ("10",)), {"1": 0.5, "2": 0.3})
    assert shares(scores.low) == pytest.approx([0, 0.3, 0])
    assert shares(scores.high) == pytest.approx([0.5, 0.3, 0.5])
    # … but not where "10" is a token of its own.
    scores = bounds((("1",), ("2",), ("10",)), {"1": 0.5, "2": 0.3, "10": 0.1})
    assert shares(scores.low) == pytest.approx([0.5, 0.3, 0.1])
    assert shares(scores.high) == pytest.approx([0.5, 0.3, 0.1])


def test_a_token_that_goes_beyond_an_option_is_not_that_option() -> None:
    scores = bounds((("1",), ("2",)), {"10": 0.5, "2": 0.5})
    assert shares(scores.low) == pytest.approx([0, 0.5])
    assert shares(scores.high) == pytest.approx([0, 0.5])


def test_what_is_certain_for_others_is_not_to_be_had() -> None:
    scores = bounds((("A",), ("B", "b")), {"A": 0.9, "x": 0.02}, ceiling=0.08)
    assert shares(scores.high) == pytest.approx([0.9, 0.08])


def test_a_position_as_servers_write_it() -> None:
    top = [entry("1", 0.5), entry("2", 0.25), entry("3", 0.125)]
    known = listed({**entry("1", 0.5), "top_logprobs": top})
    assert known is not None
    assert known.tokens == pytest.approx({b"1": 0.5, b"2": 0.25, b"3": 0.125})
    assert known.rest == pytest.approx(0.125)
    assert known.ceiling == pytest.approx(0.125)


def test_the_token_that_came_is_known_and_bounds_nothing() -> None:
    # Some servers put it first among the top ones, and leave the last of those out for it.
    came = entry("z", 0.01)
    for top in ([came, entry("1", 0.5)], [entry("1", 0.5)]):
        known = listed({**came, "top_logprobs": top})
        assert known is not None
        assert known.tokens == pytest.approx({b"z": 0.01, b"1": 0.5})
        assert known.ceiling == pytest.approx(0.49), "0.5 is more than all that is left"


def test_tokens_of_the_same_text_add_up() -> None:
    known = listed({**entry("1", 0.5), "top_logprobs": [entry("1", 0.5), entry("1", 0.25)]})
    assert known is not None
    assert known.tokens == pytest.approx({b"1": 0.75})


def test_stand_ins_for_minus_infinity_are_no_probabilities() -> None:
    known = listed({"token": "x", "logprob": -9999.0, "bytes": None, "top_logprobs": [entry("1", 1.0)]})
    assert known is not None
    assert known.tokens == {b"1": 1.0}
    assert listed({"token": "x", "logprob": -9999.0, "top_logprobs": []}) is None
    assert listed({"token": "x"}) is None


def test_letters_cut_in_the_middle_are_compared_by_their_bytes() -> None:
    first, rest = "é".encode()[:1], "é".encode()
    known = listed(
        {
            "token": "\ufffd",
            "logprob": 0.0,
            "top_logprobs": [
                {"token": "\ufffd", "logprob": math.log(0.5), "bytes": list(first)},
                {"token": "é", "logprob": math.log(0.25), "bytes": list(rest)},
            ],
        }
    )
    assert known is not None
    assert known.tokens[first] == 0.5
    assert known.tokens[rest] == 0.25


def test_nothing_known_is_everything_possible() -> None:
    scores = unknown(ScoreRequest((Message("user", "?"),), (("A",), ("B", "b"))), 3)
    assert shares(scores.low) == [0, 0]
    assert shares(scores.high) == [1, 1]
    assert scores.forms == ((-math.inf,), (-math.inf, -math.inf))
