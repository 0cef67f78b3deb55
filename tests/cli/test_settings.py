"""What the environment says, and what it may not say."""

import pytest

from pluralign.cli import settings
from pluralign.core.errors import UsageError

JOINS = "PLURALIGN_ASSEMBLY_JOINS_PER_HOUR"


def test_attempts_to_join_are_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JOINS, raising=False)
    assert settings.assembly().joins_per_hour == 30
    monkeypatch.setenv(JOINS, " 120 ")
    assert settings.assembly().joins_per_hour == 120


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_other_attempts_are_refused_in_one_sentence(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JOINS, value)
    with pytest.raises(UsageError, match=f"^{JOINS} is '{value}': give a whole number from 1 on$"):
        settings.assembly()
