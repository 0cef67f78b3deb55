"""One of several processes on one run: polls with a slow engine and notes every prompt it computes.

``python -m tests.poll.one_of_two SURVEY FOLDER NOTES SECONDS_PER_PROMPT [METHODS]``; it begins when there is a file
SURVEY.go, so that processes begin together however long each took to start.
"""

import json
import sys
import time
from pathlib import Path

from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.poll import compare, records, run
from pluralign.poll.answer import Progress
from pluralign.poll.study import Study
from pluralign.store.files import write_text


def main(survey: str, folder: Path, notes: Path, seconds: float, methods: str = "exact") -> None:
    rule = scripted("hash")
    run.SHARD = 400

    def score(request: ScoreRequest) -> list[float]:
        time.sleep(seconds)
        with notes.open("a") as file:
            note = {"batch": f"score {len(engine.scored)}", "prompt": [message.content for message in request.messages]}
            file.write(json.dumps(note) + "\n")
        return list(rule.score([request])[0].logprobs)

    def speak(request: ChatRequest) -> str:
        time.sleep(seconds)
        with notes.open("a") as file:
            prompt = [*(message.content for message in request.messages), f"seed {request.seed}"]
            file.write(json.dumps({"batch": f"chat {len(engine.said)}", "prompt": prompt}) + "\n")
        return rule.chat([request])[0].text

    def note_waiting(progress: Progress) -> None:
        if progress.waiting:
            notes.with_suffix(".waited").touch()

    engine = ScriptedEngine(score, speak, name="slow")
    asked = {"model": "slow", "survey": survey, "voices": ["persona"], "resamples": 100, "method": methods}
    if methods != "exact":
        asked |= {"samples": 3, "reader": "slow"}
    study = Study.model_validate(asked)
    prepared = run.prepare(study)
    notes.with_suffix(".ready").touch()
    reader = engine if study.reader else None
    spec = records.specify(prepared, engine, reader)
    while not Path(f"{survey}.go").exists():
        time.sleep(0.005)
    records.open_run(folder, spec, ())
    answers = run.poll(prepared, engine, folder, note_waiting, reader=reader)
    scores = compare.compare(prepared, answers, spec).model_copy(update={"created": ""})
    write_text(folder / "scores.json", scores.model_dump_json())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]), *sys.argv[5:])
