"""What a poll will take, counted before it runs, is what it takes."""

from pathlib import Path

import pytest

from pluralign.engines.scripted import scripted
from pluralign.poll import run
from pluralign.poll.forecast import forecast
from pluralign.poll.records import specify
from pluralign.poll.study import Study
from tests.poll.conftest import carry_out


def study(survey_file: Path, **changes: object) -> Study:
    return Study.model_validate({"model": "scripted", "survey": str(survey_file), "resamples": 100, **changes})


def test_the_forecast_counts_what_the_poll_then_counts(survey_file: Path, tmp_path: Path) -> None:
    one = study(
        survey_file,
        voices=["plain", "persona", "self-alignment"],
        questions={"ids": ["talk", "tea"]},
        **{"as": ["north"]},
    )
    size = forecast(run.prepare(one), scripted("uniform"))
    _, answers, _ = carry_out(one, scripted("uniform"), tmp_path / "run")
    assert (size.questions, size.voices, size.prompts) == (2, 3, 12)
    assert size.prompts == answers.counts["prompts"]
    assert size.distinct == answers.counts["computed"]
    for name in ("prompt_tokens", "computed_tokens", "unique_tokens"):
        assert getattr(size, name) == answers.counts[name]
    assert size.unique_tokens <= size.computed_tokens <= size.prompt_tokens
    assert size.seconds is not None
    assert size.seconds >= 0


def test_more_questions_buy_a_narrower_interval() -> None:
    widths = []
    for per_topic in (1, 5):
        one = Study.model_validate(
            {"model": "scripted", "survey": "world-mini", "as": ["USA"], "questions": {"per_topic": per_topic}}
        )
        widths.append(forecast(run.prepare(one), scripted("uniform"), measure_speed=False).interval_width)
    assert widths[0] is not None
    assert widths[1] is not None
    # five times the questions: about 1 / sqrt(5) = 0.45 of the width
    assert widths[1] / widths[0] == pytest.approx(0.45, abs=0.15)


def test_without_people_there_is_no_interval(survey_file: Path) -> None:
    size = forecast(run.prepare(study(survey_file, voices=["persona"], **{"as": ["JPN"]})), scripted("uniform"))
    assert size.interval_width is None


def test_a_server_costs_what_it_reads_and_writes_at_the_prices_given(survey_file: Path) -> None:
    pytest.importorskip("openai")
    from pluralign.engines.http import open_http
    from tests.engines import fake_server

    server = fake_server.FakeServer("hosted")
    thread = fake_server.start(server)
    engine = open_http(f"http:tiny@{server.url}")
    try:
        asked = {"voices": ["persona"], "questions": {"ids": ["talk"]}, "as": ["north"]}
        free = forecast(run.prepare(study(survey_file, **asked)), engine, measure_speed=False)
        priced = study(survey_file, **asked, price_in=2.5, price_out=10.0)
        size = forecast(run.prepare(priced), engine, measure_speed=False)
    finally:
        engine.close()
        server.shutdown()
        server.server_close()
        thread.join()
    assert free.cost is None
    # One question in two orders: two calls, each of which writes one token.
    assert (size.calls, size.reply_tokens) == (2, 2)
    assert size.cost == pytest.approx((2.5 * size.prompt_tokens + 10.0 * 2) / 1e6)


def test_prices_are_no_part_of_a_run_and_a_model_of_ones_own_costs_nothing(survey_file: Path) -> None:
    free, priced = study(survey_file), study(survey_file, price_in=1.0, price_out=2.0)
    prepared = [run.prepare(one) for one in (free, priced)]
    one, other = (specify(each, scripted("uniform")).id for each in prepared)
    assert one == other
    assert forecast(prepared[1], scripted("uniform"), measure_speed=False).cost is None
