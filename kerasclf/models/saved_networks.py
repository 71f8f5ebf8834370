"""Saved `.keras` models as starting points: loaded in safe mode, as one flat network of any number of classes."""

from collections.abc import Callable
from pathlib import Path

import keras

from kerasclf.errors import KerasclfError
from kerasclf.files.hdf5_check import check_weights_file
from kerasclf.files.reading import file_digest
from kerasclf.models.contract import accepted
from kerasclf.models.flattening import flat_copy, is_network
from kerasclf.models.heads import without_top
from kerasclf.networks.network_source import label_of, saved_file


def saved_builder(model: str, source: str | None = None) -> Callable[..., keras.Model]:
    """Returns a function that builds copies of a saved network, with its weights.

    Args:
        model: Path of the `.keras` file.
        source: SHA-256 that the file must have; None accepts any.

    Raises:
        KerasclfError: If the file cannot be loaded, has changed, or holds no classifier of images.
    """
    path = saved_file(model)
    if source not in (None, file_digest(path)):
        raise KerasclfError(f"{path} has changed since the experiment was made. Make it again, or restore the file.")
    saved = load_saved(path)
    own_shape, own_classes = tuple(saved.input_shape[1:]), saved.output_shape[-1]

    def build_saved(
        input_shape: tuple[int, ...] = own_shape, num_classes: int = own_classes, include_top: bool = True
    ) -> keras.Model:
        network = flat_copy(saved, tuple(input_shape), label_of(model), thaw=True)
        if not include_top:
            return keras.Model(network.input, without_top(network), name=network.name)
        if num_classes != own_classes:
            raise KerasclfError(
                f"num_classes: expected {own_classes}, the number of {model}. Received: {num_classes}. For a new head "
                "on its features, give model_args={'head': ()}."
            )
        return accepted(network, model, tuple(input_shape), num_classes)

    build_saved.__doc__ = f"Loads the saved network {model}, with its weights."
    return build_saved


def load_saved(path: Path) -> keras.Model:
    """Loads a model in safe mode: no code of the file runs.

    Raises:
        KerasclfError: If it needs code of its own, is damaged, or takes other inputs than one image.
    """
    check_weights_file(path)
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged archive can raise nearly any exception
        reason = str(error).strip().partition("\n")[0]
        raise KerasclfError(
            f"{path} cannot be loaded: {reason} kerasclf loads models of Keras' own layers only, without Lambda layers "
            "and classes of your own. Build such a network in a function, and give 'module:function'."
        ) from error
    if not is_network(model) or len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.output_shape) != 2:
        raise KerasclfError(
            f"Expected a functional model from one image to class probabilities. Received: {path}, which holds "
            f"a {type(model).__name__} of {len(model.inputs or ())} inputs."
        )
    return model


def takes_raw_pixels(model: str) -> bool:
    """Returns whether a saved network takes uint8 pixels, as those of kerasclf do, and so normalises them itself."""
    return bool(load_saved(saved_file(model)).inputs[0].dtype == "uint8")
