"""Tiny models run on one thread: for products of this size two threads mostly wait for each other."""

import importlib.util
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    if importlib.util.find_spec("torch") is None or request.node.get_closest_marker("model"):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
