"""A scripted OpenAI-compatible server that writes survey questions: mostly well, sometimes as models do."""

import json
import random
from typing import Any

from tests.engines.fake_server import FakeServer

VERBS = ("trust", "enjoy", "fear", "respect", "miss", "support", "discuss", "avoid", "value", "share", "expect", "envy")
THINGS = (
    "a new neighbour", "the village council", "an older teacher", "large companies", "your grandparents' customs",
    "people who travel", "the local hospital", "a religious festival", "working at night", "science lessons",
    "a public apology", "street musicians",
)  # fmt: skip
TIMES = (
    "when money is short", "during an election", "after a family quarrel", "while prices rise", "in a foreign town",
    "before a long journey", "once the harvest is over", "if nobody is watching", "at the start of a new job",
    "when the news is bad", "on a quiet Sunday", "as you grow older",
)  # fmt: skip
OPTIONS = (
    ["Very much", "Somewhat", "A little", "Not at all"],
    ["Always", "Often", "Rarely", "Never", "Don't know"],
    ["1. Very much", "2. Somewhat", "3. Not at all"],
    ["Yes", "No"],
)


class QuestionServer(FakeServer):
    """Writes a question where JSON is asked for; else says one of the first numbers, as any model would."""

    def reply(self, body: dict[str, Any]) -> tuple[list[str], str]:
        chance = random.Random(json.dumps([body["messages"], body.get("seed")]))
        if "JSON" not in body["messages"][-1]["content"]:
            return [str(chance.randint(1, 4)), "."], "stop"
        lot = chance.random()
        if lot < 0.1:
            return ["Sure!", " Here is a question: do you", " like tea?"], "stop"
        if lot < 0.15:
            return ["I'm sorry,", " but I cannot help with that."], "stop"
        question = f"How much do you {chance.choice(VERBS)} {chance.choice(THINGS)} {chance.choice(TIMES)}?"
        return [json.dumps({"question": question, "options": chance.choice(OPTIONS)})], "stop"
