"""The load test of `benchmarks/assembly.py` with few people, so that it stays a test of what it says it is."""

import importlib.util
import os
import subprocess
import sys

import pytest
from benchmarks import assembly as load


@pytest.mark.skipif(importlib.util.find_spec("locust") is None, reason="locust is not installed (the dev extra)")
def test_a_few_people_go_through_the_whole_journey_at_once_and_all_is_kept_once() -> None:
    command = [sys.executable, "-m", "benchmarks.assembly", "--people", "6", "--pause", "0", "--database", "sqlite"]
    environment = {**os.environ, "PLURALIGN_ASSEMBLY_EMBEDDER": "letters"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " 0 errors" in done.stdout
    assert "36 votes and 48 judgements" in done.stdout
    assert "all that was sent is kept, and once" in done.stdout


def test_what_is_lost_doubled_or_changed_is_found() -> None:
    assert load._compared("votes", {"a": 1, "b": 2}, {"a": 1, "b": 2}) == []
    assert load._compared("votes", {"a": 1, "b": 2}, {"a": 2, "c": 3}) == [
        "1 votes lost",
        "1 votes that nobody sent",
        "1 votes kept otherwise than sent",
    ]
