"""The settings of an `Augmentation` and their checks."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from kerasclf.errors import KerasclfError
from kerasclf.values import Value

Range = tuple[float, float]

FILL_MODES = ("nearest", "constant", "reflect", "wrap")


_RANDOM_FIELDS = (
    "rotation_range", "width_shift_range", "height_shift_range", "brightness_range", "shear_range", "zoom_range",
    "channel_shift_range", "horizontal_flip", "vertical_flip", "random_crop_padding", "rand_augment_ops",
    "random_erasing",
)  # fmt: skip


@dataclass(frozen=True)
class AugmentationSettings(Value):
    """The fields of `Augmentation`, which documents them. The stages of the pipeline need no more."""

    rotation_range: float = 0.0
    width_shift_range: float | int | tuple[float, ...] = 0.0
    height_shift_range: float | int | tuple[float, ...] = 0.0
    brightness_range: Range | None = None
    shear_range: float = 0.0
    zoom_range: float | Range = 0.0
    channel_shift_range: float = 0.0
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = "nearest"
    cval: float = 0.0
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    horizontal_flip: bool = False
    vertical_flip: bool = False
    random_crop_padding: int = 0
    rand_augment_ops: int = 0
    rand_augment_magnitude: float = 0.5
    random_erasing: float = 0.0
    random_erasing_area: Range = (0.02, 0.33)
    mix_up: float = 0.0
    cut_mix: float = 0.0
    preprocessing_function: str | None = None
    rescale: float | None = None
    samplewise_center: bool = False
    samplewise_std_normalization: bool = False
    featurewise_center: bool = False
    featurewise_std_normalization: bool = False
    zca_whitening: bool = False
    zca_epsilon: float = 1e-6

    @property
    def zoom(self) -> Range:
        """The minimum and maximum zoom factor."""
        if isinstance(self.zoom_range, tuple):
            return self.zoom_range
        return 1 - self.zoom_range, 1 + self.zoom_range

    @property
    def centers(self) -> bool:
        """Whether the training mean is subtracted, by its own field or by one that implies it."""
        return self.featurewise_center or self.featurewise_std_normalization or self.zca_whitening

    @property
    def scales(self) -> bool:
        """Whether pixels are divided by the training deviation. ZCA includes that."""
        return self.featurewise_std_normalization and not self.zca_whitening

    @property
    def normalizes(self) -> bool:
        """Whether pixels are scaled, shifted or processed before the network."""
        samplewise = self.samplewise_center or self.samplewise_std_normalization
        return bool(self.preprocessing_function or self.rescale is not None or samplewise or self.centers)

    @property
    def mixes(self) -> bool:
        """Whether images and labels of a batch are mixed."""
        return self.mix_up > 0 or self.cut_mix > 0

    @property
    def changes_images(self) -> bool:
        """Whether single images are changed at random."""
        unchanged = AugmentationSettings()
        return any(getattr(self, name) != getattr(unchanged, name) for name in _RANDOM_FIELDS)

    @property
    def is_random(self) -> bool:
        """Whether images differ from epoch to epoch."""
        return self.changes_images or self.mixes

    def problems(self) -> list[str]:
        found = [
            f"{name}: expected {meaning}. Received: {getattr(self, name)!r}."
            for name, (meaning, holds) in _CHECKS.items()
            if not holds(getattr(self, name))
        ]
        return found


def resolve_function(name: str) -> Callable[[Any], Any]:
    """Returns the function that `"module:function"` names.

    Raises:
        KerasclfError: If the function cannot be imported.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise KerasclfError(
            f"preprocessing_function: expected 'module:function' that can be imported. Received: {name!r} ({error})."
        ) from error
    if not callable(found):
        raise KerasclfError(
            f"preprocessing_function: expected a function. Received: {name!r} of type {type(found).__name__}."
        )
    return found  # type: ignore[no-any-return]


def _not_negative(value: Any) -> bool:
    return bool(value >= 0)


def _share(value: Any) -> bool:
    return bool(0 <= value <= 1)


def _ordered(value: Any, minimum: float) -> bool:
    return bool(minimum <= value[0] <= value[1])


def _shift(value: Any) -> bool:
    return len(value) > 0 if isinstance(value, tuple) else _not_negative(value)


def _zoom(value: Any) -> bool:
    return 0 < value[0] <= value[1] if isinstance(value, tuple) else 0 <= value < 1


# Field → expected values beyond its type.
_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "rotation_range": ("degrees of at least 0", _not_negative),
    "width_shift_range": ("a number of at least 0, or a tuple of shifts", _shift),
    "height_shift_range": ("a number of at least 0, or a tuple of shifts", _shift),
    "brightness_range": (
        "None or (minimum, maximum) of at least 0",
        lambda value: value is None or _ordered(value, 0),
    ),
    "shear_range": ("degrees from 0 to below 90", lambda value: 0 <= value < 90),
    "zoom_range": (
        "a share from 0 to below 1, or (minimum, maximum) above 0",
        _zoom,
    ),
    "channel_shift_range": ("grey levels of at least 0", _not_negative),
    "fill_mode": (f"one of {', '.join(FILL_MODES)}", lambda value: value in FILL_MODES),
    "cval": ("a grey level from 0 to 255", lambda value: 0 <= value <= 255),
    "interpolation": ("'bilinear' or 'nearest'", lambda value: value in ("bilinear", "nearest")),
    "random_crop_padding": ("at least 0 pixels", _not_negative),
    "rand_augment_ops": ("at least 0 operations", _not_negative),
    "rand_augment_magnitude": ("a strength from 0 to 1", _share),
    "random_erasing": ("a probability from 0 to 1", _share),
    "random_erasing_area": ("(minimum, maximum) shares in (0, 1]", lambda value: 0 < value[0] <= value[1] <= 1),
    "mix_up": ("an alpha of at least 0", _not_negative),
    "cut_mix": ("an alpha of at least 0", _not_negative),
    "preprocessing_function": (
        "None or 'module:function'",
        lambda value: value is None or all(value.partition(":")),
    ),
    "rescale": ("None or a factor above 0", lambda value: value is None or value > 0),
    "zca_epsilon": ("a number above 0", lambda value: value > 0),
}
