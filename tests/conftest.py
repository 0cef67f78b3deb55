"""What tests of several rooms share."""

import os
from pathlib import Path

# Several workers share the cores: each computes on one thread, or they would wait for one another. Before torch is
# read.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

# No example has a time limit: a busy machine is no defect. CI tries the same examples every time; people try new ones.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("unhurried")

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of survey data beside the checkout, which the licences do not let us ship."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the survey data in {SHARED_DATA}, which may not be shipped")
    return SHARED_DATA
