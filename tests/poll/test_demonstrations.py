"""The Roadmap's way of asking, from study to shares: five draws a question, extracted in two ways."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.poll import run
from pluralign.poll.answer import Progress
from pluralign.poll.study import Study
from pluralign.prompts.demonstrations import DRAWS
from tests.poll.conftest import carry_out


class Variants(ScriptedEngine):
    """Writes a label with a space with probability 0.3 or 0.4 in all, without one with 0.1; the first option twice as
    often as the others. How often hangs on the last demonstration's answer, so that draws differ."""

    def __init__(self) -> None:
        super().__init__(scorer=lambda request: [math.log(0.1)] * len(request.options))

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        return [self._one(request) for request in requests]

    def _one(self, request: ScoreRequest) -> OptionScores:
        drawn = re.findall(r"Answer Choice:([A-E])", request.messages[-1].content)
        assert len(drawn) == 3
        spaced = 0.4 if drawn[-1] in "AB" else 0.3
        weights = [2.0] + [1.0] * (len(request.options) - 1)
        forms = [
            [math.log(0.1 / len(weights)), math.log(spaced * weight / sum(weights))] for weight in weights
        ]  # without a space all options are equally likely
        options = tuple(math.log(sum(map(math.exp, row))) for row in forms)
        return OptionScores(options, tuple(map(tuple, forms)), prompt_tokens=10)


def shares(folder: Path) -> dict[str, list[float]]:
    rows = pq.read_table(folder / "answers.parquet").to_pylist()
    return {row["question"]: row["probabilities"] for row in rows}


def study(survey_file: Path, **changes: object) -> Study:
    return Study.model_validate(
        {
            "model": "x", "survey": str(survey_file), "voices": ["roadmap"], "labels": "letter", "orders": 1,
            "resamples": 100, **changes,
        }
    )  # fmt: skip


def test_five_draws_are_asked_and_extracted_by_the_default_and_as_published(survey_file: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    prepared = run.prepare(study(survey_file))
    assert prepared.total == DRAWS * 3
    answers = run.poll(prepared, Variants(), tmp_path_made(tmp_path / "x"), seen.append)
    assert seen[-1].done == seen[-1].total == DRAWS * 3
    assert answers.counts["computed"] <= DRAWS * 3, "equal draws are asked once"
    _, _, default = carry_out(study(survey_file), Variants(), tmp_path / "default")
    _, _, published = carry_out(study(survey_file, published=True), Variants(), tmp_path / "published")
    # "without a space" is a flat 0.1, "with a space" 2:1:1; published adds logs, so the flat part falls away
    for found in shares(tmp_path / "published").values():
        size = len(found)
        assert found == pytest.approx([2 / (size + 1)] + [1 / (size + 1)] * (size - 1))
    for found in shares(tmp_path / "default").values():
        size = len(found)
        assert 1 / size < found[0] < 2 / (size + 1), "the flat part counts"
    assert any("sharper" in caveat for caveat in published.caveats)
    assert not any("have seen" in caveat for caveat in published.caveats), "demonstrations show nobody's answers"
    assert not published.asked.published_leak
    assert not any("sharper" in caveat for caveat in default.caveats)


class Golden(ScriptedEngine):
    """Scores three written forms of two labels as in section 4.3 of the specification, less what makes them
    probabilities."""

    FORMS = ([2.0, 5.0, 4.0], [1.0, 4.5, 3.5])

    def __init__(self) -> None:
        super().__init__(scorer=lambda request: [math.log(0.1)] * len(request.options))

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        for request in requests:
            assert request.options == (("A", " A", "\nA"), ("B", " B", "\nB"))
        forms = tuple(tuple(score - 10 for score in of_option) for of_option in self.FORMS)
        options = tuple(math.log(sum(map(math.exp, of_option))) for of_option in forms)
        return [OptionScores(options, forms, prompt_tokens=10) for _ in requests]


@pytest.mark.parametrize("voice", ["demonstrations", "statements"])
def test_the_golden_values_of_both_extractions(tmp_path: Path, voice: str) -> None:
    survey = tmp_path / "one.yaml"
    survey.write_text("name: one\nquestions:\n- {id: q, text: 'Tea?', options: ['Yes', 'No']}\n")
    for published, golden in ((True, 0.8807970779778823), (False, 0.6257237037704376)):
        folder = tmp_path / f"{published}"
        carry_out(study(survey, voices=[voice], published=published), Golden(), folder)
        assert shares(folder)["q"] == pytest.approx([golden, 1 - golden], abs=1e-12)


def tmp_path_made(path: Path) -> Path:
    path.mkdir()
    return path
