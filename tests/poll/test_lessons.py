"""A poll that puts learned questions to learned peoples says so."""

from pathlib import Path

import pytest

from pluralign.core.adapter import MANIFEST_FILE, AdapterManifest, Lessons
from pluralign.poll.run import prepare
from pluralign.poll.study import Study
from pluralign.poll.summarise import caveats


@pytest.fixture
def adapter(tmp_path: Path) -> str:
    (tmp_path / "adapter_config.json").write_text("{}")
    manifest = AdapterManifest(
        name="taught",
        method="distributional",
        base="x",
        base_digest="0",
        template_hash="0",
        lessons=Lessons(survey="world-mini", questions=("happiness", "health"), peoples=("USA", "KEN")),
    )
    (tmp_path / MANIFEST_FILE).write_text(manifest.model_dump_json())
    return f"adapter:{tmp_path}"


@pytest.mark.parametrize(
    ("questions", "peoples", "said"),
    [
        (
            ["happiness", "strong-leader"],
            ["USA", "DEU"],
            "1 of these 2 questions, as given by 1 of these 2 peoples",
        ),
        (["strong-leader"], ["USA", "DEU"], ""),
        (["happiness"], ["DEU"], ""),
    ],
)
def test_what_a_voice_has_seen_of_a_poll(adapter: str, questions: list[str], peoples: list[str], said: str) -> None:
    study = Study.model_validate(
        {
            "model": "scripted:uniform",
            "survey": "world-mini",
            "as": peoples,
            "voices": ["persona", adapter],
            "questions": {"ids": questions},
        }
    )
    found = [one for one in caveats(prepare(study), (), ()) if "was trained on" in one]
    assert len(found) == bool(said)
    assert all("“taught”" in one and said in one for one in found)
