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


def test_what_does_not_fit_is_refused_as_described(served: Running) -> None:
    """Bodies that break the description are answered with one of its errors, and never with a defect."""
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi.checks import negative_data_rejection

    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    posted = [found.ok() for found in schema.get_all_operations() if found.ok().method == "post"]
    assert len(posted) == 4
    for operation in posted:

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def check(case: Any) -> None:
            # What this interface does not know is passed over on purpose, so not all that breaks a schema is refused.
            case.call_and_validate(excluded_checks=[negative_data_rejection])

        check()
