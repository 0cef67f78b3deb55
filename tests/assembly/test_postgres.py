"""Tests that the database decides (locks, uniqueness, order), once more on PostgreSQL in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.assembly import postgres

pytestmark = pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)
HERE = Path(__file__).parent
ON_POSTGRES = ("test_journey.py", "test_security.py", "test_grouping.py", "test_export.py", "test_dialogue.py",
               "test_joining.py")  # fmt: skip


def test_the_journey_votes_and_merges_at_once_on_postgresql() -> None:
    with postgres.cluster() as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not browser and not model",
             *(str(HERE / name) for name in ON_POSTGRES)],
            env={**os.environ, "PLURALIGN_TEST_DATABASE_URL": url}, capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "skipped" in done.stdout, "the test about SQLite must not have run: this was no PostgreSQL"
