"""What tests of several rooms share."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of survey data beside the checkout, which the licences do not let us ship."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the survey data in {SHARED_DATA}, which may not be shipped")
    return SHARED_DATA
