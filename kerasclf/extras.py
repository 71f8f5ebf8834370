"""The extras of the package: what optional features need, and how to install it."""

from collections.abc import Mapping
from types import MappingProxyType

# The modules of each extra that the package imports. A test compares them with setup.cfg.
EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "audit": ("cleanlab",),
        "demo": ("gradio",),
        "diagrams": ("pydot",),
        "export": ("tf2onnx", "onnx", "onnxruntime", "ai_edge_litert", "nncf"),
        "openvino": ("openvino",),
        "optuna": ("optuna", "cmaes"),
        "ray": ("ray",),
        "tensorboard": ("tensorboard",),
        "tracking": ("wandb", "mlflow"),
    }
)


def install_command(*extras: str) -> str:
    """Returns the command that installs extras. Every shell accepts these quotes, also that of Windows."""
    return f'pip install "kerasclf[{",".join(extras)}]"'


def missing_extra(module: str | None) -> str | None:
    """Returns a sentence on an optional module that is not installed; None if it is not optional.

    Args:
        module: Name of a module that could not be found, such as `"optuna.samplers"`.
    """
    name = (module or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if name in modules), None)
    return f"{name} is not installed. Install it: {install_command(extra)}." if extra else None
