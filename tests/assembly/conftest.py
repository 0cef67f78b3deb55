"""A site for the tests: SQLite in a folder of its own, the scripted engine, nothing sent anywhere."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

django = pytest.importorskip("django", reason="the assembly extra is not installed")

from pluralign.assembly.settings import Site, configure  # noqa: E402

FOLDER = Path(tempfile.mkdtemp(prefix="assembly-tests-"))
(FOLDER / "static").mkdir()
configure(
    Site(
        folder=FOLDER,
        secret_key="only for tests, only for tests, only for tests",
        embedder="letters",
        database_url=os.environ.get("PLURALIGN_TEST_DATABASE_URL", ""),  # set by test_postgres.py
    )
)

from django.conf import settings as django_settings  # noqa: E402
from django.test import Client  # noqa: E402

from pluralign.assembly.services import results  # noqa: E402

results.QUICK = float("inf")  # every graph is that of the moment, however busy the machine is
# Pages are tested without collected files, tasks where they are enqueued.
django_settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _unlimited() -> Iterator[None]:
    """Rate limits count over all tests of a run; the tests of rate limits switch them on."""
    django_settings.RATELIMIT_ENABLE = False
    yield
    django_settings.RATELIMIT_ENABLE = False


@pytest.fixture
def assembly(db: Any) -> Any:
    """The example that a new site begins with, open, with an owner."""
    del db
    from pluralign.assembly.models import Person
    from pluralign.assembly.services import seeding

    return seeding.plant(seeding.example(), Person.objects.create_person(name="Olive"))


@pytest.fixture
def joined(assembly: Any) -> Any:
    """A participant who has consented, and a browser in which they are signed in."""
    from pluralign.assembly.services import joining

    client = Client()
    found = joining.join(assembly, None)
    client.force_login(found.participation.person)
    client.participation = found.participation
    client.return_code = found.return_code
    return client


def signed_in(person: Any) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    return client
