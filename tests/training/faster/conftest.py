"""A fixture that simulates a GPU."""

import pytest
import tensorflow as tf


@pytest.fixture
def a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["a GPU"] if kind == "GPU" else [])
