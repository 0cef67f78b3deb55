"""``kill -9`` while questions are written and answered, and the same command again: the same bytes, nothing twice."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.cli.test_kill import stored
from tests.curate.question_server import QuestionServer
from tests.engines.fake_server import serving

RECIPE = """
name: killed
model: http:tiny@{url}
licence: CC0-1.0
as: [USA, KEN]
questions: {{topics: [Safety]}}
write: {{per_topic: 4, at_once: 3}}
rule: published
batch: 2
"""
COMPARED = ("sft.jsonl", "dropped.jsonl", "dataset.md", "questions.json")


def test_a_recipe_killed_again_and_again_ends_as_one_that_was_left_alone(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    with serving(QuestionServer()) as server:
        recipe.write_text(RECIPE.format(url=server.url))
        command = [sys.executable, "-m", "pluralign", "curate", "culturespa", str(recipe), "--out"]
        alone, killed = tmp_path / "alone", tmp_path / "killed"
        subprocess.run([*command, str(alone)], check=True, capture_output=True)
        everything, replies = stored(alone), len(server.asked_for("/v1/chat/completions"))
        server.asked.clear()

        def kill_once(moment: Callable[[], bool]) -> bool:
            process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not moment():
                time.sleep(0.002)
            running = process.poll() is None
            process.kill()
            process.wait()
            return running

        kills = sum(
            kill_once(lambda share=share: stored(killed) >= max(1, share * everything))  # type: ignore[misc]
            for share in (0.2, 0.7)
        )
        assert kills >= 1, "it was hardly ever killed: the test would show little"
        subprocess.run([*command, str(killed)], check=True, capture_output=True)
    assert stored(killed) == everything
    for name in COMPARED:
        assert (killed / name).read_bytes() == (alone / name).read_bytes(), name
    asked = Counter(json.dumps(body, sort_keys=True) for body in server.asked_for("/v1/chat/completions"))
    # What was under way when it was killed, two at most each time, is asked for once more; nothing else is.
    assert sum(asked.values()) <= replies + 2 * kills
