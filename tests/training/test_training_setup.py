"""The compiled model has the settings of the TrainConfig."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from kerasclf import TrainConfig
from kerasclf.models import build
from kerasclf.training.recipe import Recipe
from kerasclf.training.training_setup import _steps_per_execution, prepare


def setup_of(dataset, network="basenet", arguments=None, flaws=(), **fields):
    factory = functools.partial(build, network, arguments=arguments or {})
    return prepare(dataset, Recipe(factory, (TrainConfig(**fields),), flaws=flaws))


@pytest.mark.parametrize(
    ("network", "batch_size", "steps"),
    [("basenet", 32, 16), ("basenet", 256, 2), ("resnet18", 32, 16), ("vgg16", 32, 1)],
)
def test_several_quick_steps_run_per_execution(dataset, network, batch_size, steps):
    """A step of VGG16 takes seconds, and the user wants to see each."""
    setup = setup_of(dataset, network, {"head": (8,)} if network == "vgg16" else {}, batch_size=batch_size)
    assert setup.model.steps_per_execution == steps


@pytest.mark.parametrize(("gpus", "steps"), [([], 2), (["GPU"], 16)])
def test_a_gpu_runs_more_steps_per_execution(monkeypatch, gpus, steps):
    model = build("basenet", (32, 32, 3), 10)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: gpus)
    assert _steps_per_execution(TrainConfig(batch_size=256), model, (32, 32, 3)) == steps


def softmax(values):
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("flaws", [(), ("softmax_twice",)])
def test_the_compiled_loss_smooths_labels(dataset, smoothing, flaws):
    model = setup_of(dataset, "mlp", flaws=flaws, label_smoothing=smoothing).model
    labels = np.eye(3)[[0, 2]]
    predicted = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    targets = labels * (1 - smoothing) + smoothing / 3
    expected = -(targets * np.log(softmax(predicted) if flaws else predicted)).sum(axis=1).mean()
    loss = float(model.compute_loss(y=labels.astype(np.float32), y_pred=predicted.astype(np.float32)))
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("jit", [True, False])
def test_the_model_is_compiled_with_or_without_xla(dataset, jit):
    assert setup_of(dataset, "mlp", jit=jit).model.jit_compile is jit


@pytest.mark.parametrize("macro_f1", [True, False])
def test_macro_f1_is_a_metric_on_request(dataset, macro_f1):
    model = setup_of(dataset, "mlp", macro_f1=macro_f1, jit=False).model
    names = model.evaluate(np.zeros((3, 32, 32, 3), np.uint8), np.eye(3), verbose=0, return_dict=True)
    assert set(names) == {"loss", "accuracy"} | ({"macro_f1"} if macro_f1 else set())
