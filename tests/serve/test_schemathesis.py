"""Whatever fits the interface's own description is answered as the description says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.serve.conftest import Running

schemathesis = pytest.importorskip("schemathesis")


def test_the_server_is_as_described(served: Running) -> None:
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            # What fits may still be refused: an unknown voice, a conversation that ends with the voice's own turn.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        check()
