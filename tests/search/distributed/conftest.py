"""Fixtures for tests of chief and workers."""

import time

import pytest

from tests.search.distributed.helpers import Processes


@pytest.fixture
def now(monkeypatch):
    """A clock that a test sets itself."""
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


@pytest.fixture
def processes(tmp_path):
    """A chief and workers, which are killed at the end of the test."""
    started = Processes(tmp_path)
    yield started
    started.end()
