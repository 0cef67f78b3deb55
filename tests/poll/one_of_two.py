"""One of several processes on one run: polls with a slow engine and notes every prompt it computes.

``python -m tests.poll.one_of_two SURVEY FOLDER NOTES SECONDS_PER_PROMPT``; it begins when there is a file SURVEY.go, so
that processes begin together however long each took to start.
"""

import json
import sys
import time
from pathlib import Path

from pluralign.engines.base import ScoreRequest
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.poll import compare, records, run
from pluralign.poll.answer import Progress
from pluralign.poll.study import Study
from pluralign.store.files import write_text


def main(survey: str, folder: Path, notes: Path, seconds: float) -> None:
    rule = scripted("hash")
    run.SHARD = 400

    def score(request: ScoreRequest) -> list[float]:
        time.sleep(seconds)
        with notes.open("a") as file:
            note = {"batch": len(engine.scored), "prompt": [message.content for message in request.messages]}
            file.write(json.dumps(note) + "\n")
        return list(rule.score([request])[0].logprobs)

    def note_waiting(progress: Progress) -> None:
        if progress.waiting:
            notes.with_suffix(".waited").touch()

    engine = ScriptedEngine(score, name="slow")
    study = Study.model_validate({"model": "slow", "survey": survey, "voices": ["persona"], "resamples": 100})
    prepared = run.prepare(study)
    notes.with_suffix(".ready").touch()
    spec = records.specify(prepared, engine)
    while not Path(f"{survey}.go").exists():
        time.sleep(0.005)
    records.open_run(folder, spec, ())
    answers = run.poll(prepared, engine, folder, note_waiting)
    scores = compare.compare(prepared, answers, spec).model_copy(update={"created": ""})
    write_text(folder / "scores.json", scores.model_dump_json())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
