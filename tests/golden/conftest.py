"""Data that several golden tests rest on."""

from pathlib import Path

import pytest

from pluralign.core.survey import Survey
from pluralign.metrics.baselines import BaselineTable, baseline_table
from pluralign.surveys import load


@pytest.fixture(scope="session")
def survey(shared_data: Path) -> Survey:
    """The World Values Survey, wave 7, 18 countries."""
    return load(f"wvs7:{shared_data / 'wvs7'}")


@pytest.fixture(scope="session")
def tables(survey: Survey) -> dict[str, BaselineTable]:
    """Floors and ceilings of every country."""
    return {
        country: baseline_table(
            survey.questions,
            people,
            {other: answers for other, answers in survey.references.items() if other != country},
            seed=0,
        )
        for country, people in survey.references.items()
    }
