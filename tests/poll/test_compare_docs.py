"""The page on comparing holds true: its example prints what it says, and it names every number there is."""

import re
from pathlib import Path

import pytest

from pluralign.engines.scripted import scripted
from pluralign.poll import records, run
from pluralign.poll.comparison import MEASURES
from pluralign.poll.finished import read_finished
from pluralign.poll.paired import compare_runs
from pluralign.poll.study import Study
from pluralign.report.compare_words import finding

PAGE = (Path(__file__).parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")


def test_every_number_is_explained() -> None:
    names = (*MEASURES, "worst", "steering", "confusion", "contrast.spread", "contrast.direction", "p", "p_adjusted")
    assert not [name for name in (*names, "difference", "by_topic", "right", "chance") if f"`{name}`" not in PAGE]


def test_the_example_says_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = []
    for rule in ("first", "hash"):
        study = Study.model_validate(
            {
                "model": f"scripted:{rule}",
                "survey": "world-mini",
                "as": ["USA", "KEN", "DEU"],
                "voices": ["plain", "persona"],
            }
        )
        prepared, engine = run.prepare(study), scripted(rule)
        record = records.open_run(Path(rule), records.specify(prepared, engine), ())
        run.poll(prepared, engine, Path(rule), lambda _: None)
        records.write_run(Path(rule), record.model_copy(update={"finished": records.now()}))
        runs.append(read_finished(Path(rule)))
    comparison = compare_runs(runs)
    found = finding(comparison, comparison.pairs[0])
    (shown,) = re.findall(r"```\n(Asked as .*?)```", PAGE, flags=re.DOTALL)
    assert " ".join(shown.split()) == " ".join([found.title, *found.support])
