"""What was heard, folded as it comes or read back in blocks: the same numbers to the last bit, by a plain loop."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pluralign.core.distribution import Obtained
from pluralign.core.errors import DataError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.poll import compare, heard, records, run
from pluralign.poll.heard import Heard, Ledger, fold, recall
from pluralign.poll.reopen import reopen
from pluralign.poll.study import Method
from pluralign.store.files import make_folder
from pluralign.store.tables import ANSWERS, TableWriter
from tests.poll.conftest import carry_out
from tests.poll.test_run import study


@pytest.mark.parametrize(("orders", "options"), [(1, 2), (2, 4), (9, 3), (24, 4), (130, 11)])
def test_folding_is_the_plain_loop(orders: int, options: int) -> None:
    cells = np.random.default_rng(0).dirichlet(np.ones(options), size=(7, orders))
    folded = fold(cells)
    for cell, shares, effect in zip(cells, *folded, strict=True):
        mean = np.mean(list(cell), axis=0)
        assert shares.tolist() == mean.tolist()
        loop = float(np.mean([0.5 * np.abs(row - mean).sum() for row in cell]))
        assert math.isnan(effect) if orders == 1 else effect == loop


def rows(survey: Survey, seed: int) -> list[dict[str, object]]:
    """Answers of two voices in up to nine orders, some without any probability on the options."""
    draw = np.random.default_rng(seed)
    found: list[dict[str, object]] = []
    for collective in ("north", "south"):
        for question in survey.questions:
            for _ in range(int(draw.integers(1, 10))):
                shares = draw.dirichlet(np.ones(len(question.options))) if draw.random() < 0.8 else None
                found.append(
                    {
                        **dict.fromkeys(ANSWERS.names),
                        "voice": "persona",
                        "method": "exact",
                        "collective": collective,
                        "question": question.id,
                        "probabilities": None if shares is None else shares.tolist(),
                        "captured": float(draw.random()),
                    }
                )
    return found


@pytest.mark.parametrize("block", [1, 2, 7, 65_536])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_back_in_blocks_is_what_was_taken_in(
    survey: Survey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, seed: int
) -> None:
    monkeypatch.setattr(heard, "_BLOCK", block)
    answers = rows(survey, seed)
    with TableWriter(tmp_path / "a.parquet", ANSWERS) as table:
        table.write(answers[:5])
        table.write(answers[5:])
    ledger = Ledger(["persona@north", "persona@south"], survey.questions)
    for row in answers:
        shares = None if row["probabilities"] is None else np.array(row["probabilities"])
        ledger.add(f"{row['voice']}@{row['collective']}", str(row["question"]), shares, float(str(row["captured"])))
    ledger.close()
    voices = {("persona", one): f"persona@{one}" for one in ("north", "south")}
    found = recall(tmp_path / "a.parquet", voices, {}, lambda one: Ledger(list(voices.values()), survey.questions, one))
    assert {voice: dict(one) for voice, one in found[Obtained.EXACT].items()} == {
        voice: dict(one) for voice, one in ledger.heard.items()
    }
    assert [len(one) for one in found[Obtained.EXACT].values()] == [3, 3]


@pytest.mark.parametrize("block", [1, 7, 65_536])
def test_all_methods_of_a_run_are_read_back_as_they_were_taken_in(
    survey_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(heard, "_BLOCK", block)
    monkeypatch.setattr(run, "SHARD", 11)
    one = study(
        survey_file,
        voices=["plain", "persona"],
        orders=4,
        permute_labels=True,
        method=list(Method),
        samples=7,
        reader="scripted:hash",
    )
    prepared = run.prepare(one)
    answers = run.poll(
        prepared, scripted("hash"), make_folder(tmp_path / "run"), lambda _: None, reader=scripted("hash")
    )
    again = run.recall(prepared, tmp_path / "run", answers.counts)
    assert list(again.by_method) == list(Method)
    questions = [question.id for question in prepared.survey.questions]
    for method, voices in answers.by_method.items():
        for voice, said in voices.items():
            assert dict(again.by_method[method][voice]) == dict(said)
            for found, expected in zip(
                again.by_method[method][voice].order_effects(questions), said.order_effects(questions), strict=True
            ):
                assert found.tobytes() == expected.tobytes()
    effects = answers.by_method[Method.EXACT]["plain"].order_effects(questions)
    assert not np.isnan(effects[0][:, 0]).any(), "places were told, on every question"
    # tea and milk have three options each in four orders; talk is a numeric scale, whose numbers are no labels
    assert np.isnan(effects[1][:, 0]).tolist() == [False, False, True]


def test_a_question_that_was_not_asked_is_not_there(survey: Survey) -> None:
    ledger = Ledger(["plain"], survey.questions)
    ledger.add("plain", "milk", np.array([0.5, 0.25, 0.25]), 0.75)
    ledger.close()
    assert list(ledger.heard["plain"]) == ["milk"]
    assert ledger.heard["plain"].get("tea") is None
    assert ledger.heard["plain"]["milk"] == Heard((0.5, 0.25, 0.25), 0.75, None)


@pytest.mark.parametrize("orders", [1, 2, "all"])
def test_a_run_reopened_gives_the_scores_it_gave(survey_file: Path, tmp_path: Path, orders: object) -> None:
    def silent_on_milk(request: object) -> list[float]:
        scores = scripted("hash").score([request])[0].logprobs  # type: ignore[list-item]
        return [-math.inf] * len(scores) if "milk" in str(request) else list(scores)

    _, answers, scores = carry_out(
        study(survey_file, voices=["plain", "persona"], orders=orders), ScriptedEngine(silent_on_milk), tmp_path / "run"
    )
    record = records.read_run(tmp_path / "run")
    finished = record.model_copy(update={"finished": records.now(), "counts": answers.counts})
    records.write_run(tmp_path / "run", finished)
    reopened = reopen(tmp_path / "run")
    again = compare.compare(reopened.prepared, reopened.answers, record.spec)
    assert again.model_dump(exclude={"created"}) == scores.model_dump(exclude={"created"})


def test_what_is_no_finished_poll_or_was_polled_on_another_survey_is_refused(survey_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _, answers, _ = carry_out(study(survey_file), scripted("hash"), folder)
    with pytest.raises(UsageError, match="no finished poll"):
        reopen(folder)
    record = records.read_run(folder)
    records.write_run(folder, record.model_copy(update={"finished": records.now(), "counts": answers.counts}))
    text = survey_file.read_text()
    survey_file.write_text(text.replace("n: 500", "n: 501"))
    with pytest.raises(UsageError, match="has changed since the run"):
        reopen(folder)
    survey_file.write_text(text)
    pq.write_table(pa.table({"voice": ["persona"]}), folder / "answers.parquet")
    with pytest.raises(DataError, match="does not hold the answers of this run"):
        reopen(folder)


def test_each_prompt_is_written_once(survey_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SHARD", 4)
    carry_out(study(survey_file, voices=["plain", "persona"]), scripted("hash"), tmp_path / "run")
    answered = pq.read_table(tmp_path / "run" / "answers.parquet").column("prompt").to_pylist()
    written = pq.read_table(tmp_path / "run" / "prompts.parquet").column("prompt").to_pylist()
    assert written == list(dict.fromkeys(answered))
