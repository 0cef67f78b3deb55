"""Two processes on one run: nothing is computed twice, one takes over when the other dies, the bytes are the same."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain, groupby
from pathlib import Path

import pytest

COMPARED = ("answers.parquet", "prompts.parquet", "scores.json")


def two_peoples(path: Path, questions: int) -> Path:
    """A survey of so many questions with answers of two peoples."""
    rows = ["question_id,question,topic,scale,group,option,share"]
    for at in range(questions):
        for people, shares in (("north", (0.2, 0.3, 0.5)), ("south", (0.6, 0.3, 0.1))):
            for option, share in zip(("Never", "Sometimes", "Often"), shares, strict=True):
                rows.append(f"q{at},How often number {at}?,Topic {at % 5},ordinal,{people},{option},{share}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def many_questions(tmp_path: Path) -> Path:
    """Two peoples, 150 questions: 600 answers in two orders."""
    return two_peoples(tmp_path / "many.csv", 150)


class Process:
    """A poll of the survey in a process of its own, ready to begin."""

    def __init__(self, survey: Path, folder: Path, notes: Path, seconds: float = 0.004, *methods: str):
        command = [sys.executable, "-m", "tests.poll.one_of_two", str(survey), str(folder), str(notes), str(seconds)]
        command += methods
        self.notes = notes
        self.process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        self.until(notes.with_suffix(".ready").exists)

    def batches(self) -> list[list[str]]:
        """Every prompt it gave to its engine, batch by batch; the last may have been under way."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        notes = [json.loads(line) for line in lines]
        return [
            ["\n".join(note["prompt"]) for note in batch]
            for _, batch in groupby(notes, key=lambda note: str(note["batch"]))
        ]

    def computed(self) -> list[str]:
        """The same, one after the other."""
        return list(chain(*self.batches()))

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert self.process.poll() is None, "it ended too early for this test to show anything"
            time.sleep(0.005)


def go(survey: Path) -> None:
    Path(f"{survey}.go").touch()


def same(one: Path, other: Path) -> None:
    for name in COMPARED:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert not list(one.glob(".*.part"))


@pytest.fixture
def alone(many_questions: Path, tmp_path: Path) -> Path:
    one = Process(many_questions, tmp_path / "alone", tmp_path / "alone.txt", 0)
    go(many_questions)
    assert one.process.wait() == 0
    assert len(one.computed()) == 600
    Path(f"{many_questions}.go").unlink()
    return tmp_path / "alone"


def test_two_processes_share_a_run_and_compute_nothing_twice(many_questions: Path, tmp_path: Path, alone: Path) -> None:
    one, two = (Process(many_questions, tmp_path / "both", tmp_path / f"{name}.txt") for name in ("one", "two"))
    go(many_questions)
    assert [one.process.wait(), two.process.wait()] == [0, 0]
    assert one.computed(), "the first had nothing to do: the test shows little"
    assert two.computed(), "the second had nothing to do: the test shows little"
    everything = one.computed() + two.computed()
    assert len(everything) == len(set(everything)) == 600
    same(tmp_path / "both", alone)


def test_when_one_is_killed_the_other_takes_over_what_it_had_claimed(
    many_questions: Path, tmp_path: Path, alone: Path
) -> None:
    victim, heir = (Process(many_questions, tmp_path / "both", tmp_path / f"{name}.txt") for name in ("victim", "heir"))
    go(many_questions)
    heir.until(lambda: len(heir.batches()) > 1)
    victim.until(lambda: len(victim.batches()) > 1)
    victim.process.kill()
    victim.process.wait()
    *stored, _under_way = victim.batches()
    assert heir.process.wait() == 0
    taken = heir.computed()
    assert len({*victim.computed(), *taken}) == 600
    assert len(taken) == len(set(taken)), "the heir computed something twice"
    assert not set(chain(*stored)) & {*taken}, "the heir computed again what the dead one had stored"
    same(tmp_path / "both", alone)


def test_one_that_finds_everything_claimed_waits_and_says_so(many_questions: Path, tmp_path: Path, alone: Path) -> None:
    """The quick one gets through the rest of a shard while the slow one is still at one batch."""
    slow = Process(many_questions, tmp_path / "both", tmp_path / "slow.txt", 0.01)
    quick = Process(many_questions, tmp_path / "both", tmp_path / "quick.txt", 0)
    go(many_questions)
    assert [slow.process.wait(), quick.process.wait()] == [0, 0]
    assert (tmp_path / "quick.waited").exists()
    assert len(slow.computed()) + len(quick.computed()) == 600
    same(tmp_path / "both", alone)


EVERY_METHOD = "exact,samples,verbalised,free-text"


@pytest.fixture
def few_questions(tmp_path: Path) -> Path:
    """Two peoples, 20 questions: by every method, with three replies, 440 answers and readings at most."""
    return two_peoples(tmp_path / "few.csv", 20)


def test_two_processes_share_replies_and_readings_too(few_questions: Path, tmp_path: Path) -> None:
    one = Process(few_questions, tmp_path / "alone", tmp_path / "alone.txt", 0, EVERY_METHOD)
    go(few_questions)
    assert one.process.wait() == 0
    expected = one.computed()
    Path(f"{few_questions}.go").unlink()
    pair = [
        Process(few_questions, tmp_path / "both", tmp_path / f"{name}.txt", 0.01, EVERY_METHOD)
        for name in ("first", "second")
    ]
    go(few_questions)
    assert [process.process.wait() for process in pair] == [0, 0]
    assert all(process.computed() for process in pair), "one had nothing to do: the test shows little"
    everything = [prompt for process in pair for prompt in process.computed()]
    assert sorted(everything) == sorted(expected), "something was asked twice, or not at all"
    same(tmp_path / "both", tmp_path / "alone")


def test_a_process_killed_among_replies_leaves_the_rest_to_the_other(few_questions: Path, tmp_path: Path) -> None:
    one = Process(few_questions, tmp_path / "alone", tmp_path / "alone.txt", 0, EVERY_METHOD)
    go(few_questions)
    assert one.process.wait() == 0
    Path(f"{few_questions}.go").unlink()
    victim, heir = (
        Process(few_questions, tmp_path / "both", tmp_path / f"{name}.txt", 0.01, EVERY_METHOD)
        for name in ("victim", "heir")
    )
    go(few_questions)
    victim.until(lambda: any("seed" in prompt for prompt in victim.computed()))
    victim.process.kill()
    victim.process.wait()
    *stored, _under_way = victim.batches()
    assert heir.process.wait() == 0
    taken = heir.computed()
    assert len(taken) == len(set(taken)), "the heir computed something twice"
    assert not set(chain(*stored)) & {*taken}, "the heir computed again what the dead one had stored"
    same(tmp_path / "both", tmp_path / "alone")
