"""How long organisers' pages take with 10,000 judgements: an assembly is filled with scripted people, on SQLite in a
folder that is thrown away, and each page is asked for by the test client.

    python -m benchmarks.assembly_dashboards
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pluralign.assembly.settings import Site, configure

PEOPLE, EACH, VALUES = 1250, 8, 16


def main() -> None:
    """Fill, measure, print."""
    folder = Path(tempfile.mkdtemp())
    (folder / "static").mkdir()
    configure(Site(folder=folder, secret_key="only for measuring, only for measuring", embedder="letters"))
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", interactive=False, verbosity=0)
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.ALLOWED_HOSTS.append("testserver")
    from pluralign.assembly.services import organising, reckoning

    organiser = organising.first_organiser()
    question = fill(organiser)
    browser = Client()
    browser.force_login(organiser)
    print(f"{question.judgements.count():,} judgements over {question.transitions.count()} transitions")
    timed("overview, nothing reckoned yet", lambda: browser.get("/organise/a/example/"))
    timed("reckoning, in the worker", lambda: reckoning.reckon(question))
    timed("overview", lambda: browser.get("/organise/a/example/"), times=10)
    for page in ("moderation", "quotas", "budget", "log"):
        timed(page, partial(browser.get, f"/organise/a/example/{page}/"), times=10)


def timed(name: str, deed: Callable[[], Any], times: int = 1) -> None:
    """Print the median and the longest of several runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        deed()
        took.append(time.perf_counter() - began)
    print(f"{name}: median {statistics.median(took):.2f} s, longest {max(took):.2f} s")


def fill(owner: Any) -> Any:
    """Plant the example with more values, and let scripted people judge; two of three find the later value wiser."""
    from django.db import transaction

    from pluralign.assembly.models import Draw, DrawnTransition, Judgement, Participation, Person
    from pluralign.assembly.services import seeding, transitions

    assembly = seeding.plant(seeding.example(), owner)
    question = assembly.questions.get()
    for number in range(VALUES):
        policies = (f"Things {number} that grow", f"Signs {number} of wear")
        seeding.seed_value(question, f"Value {number} of the rest", f"I look at {number}", "", policies)
    transitions.propose(question)
    asked, chance = list(question.transitions.all()), random.Random(1)
    with transaction.atomic():
        for _ in range(PEOPLE):
            mine = Participation.objects.create(person=Person.objects.create_person(), assembly=assembly)
            picked = {
                (Judgement.pair_of(each.source_id, each.candidate_id), each.context_id): each
                for each in chance.sample(asked, 3 * EACH)
            }
            for (pair, _context), each in list(picked.items())[:EACH]:
                draw = Draw.objects.create(participation=mine, question=question, kind="transition", method="script")
                drawn = DrawnTransition.objects.create(draw=draw, transition=each, propensity=0.01, information=0.1)
                up = each.source_id < each.candidate_id
                answers = ("wiser", "less_wise", "different", "unsure")
                answer = chance.choices(answers, (6, 2, 2, 1) if up else (2, 6, 2, 1))[0]
                Judgement.objects.create(
                    participation=mine, question=question, drawn=drawn, context_id=each.context_id, pair=pair,
                    source_id=each.source_id, candidate_id=each.candidate_id, relationship=answer,
                )  # fmt: skip
    return question


if __name__ == "__main__":
    main()
