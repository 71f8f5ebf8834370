"""The fields of `Augmentation`: ImageDataGenerator's names, checked together."""

import inspect

import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from kerasclf import Augmentation
from kerasclf.errors import KerasclfError


def test_it_has_the_generators_arguments_except_those_of_other_objects():
    theirs = set(inspect.signature(ImageDataGenerator.__init__).parameters) - {"self"}
    elsewhere = {"data_format", "validation_split", "interpolation_order", "dtype"}
    assert theirs - elsewhere <= set(Augmentation.__dataclass_fields__)


def test_good_values_are_taken():
    value = Augmentation(
        rotation_range=20, zoom_range=(0.8, 1.3), width_shift_range=(-2, 2), brightness_range=(0.5, 1.5)
    )
    assert value.zoom == (0.8, 1.3)
    assert value.problems() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rotation_range", -1),
        ("zoom_range", 1.0),
        ("zoom_range", (0.0, 1.0)),
        ("width_shift_range", -0.1),
        ("brightness_range", (1.0, 0.5)),
        ("fill_mode", "mirror"),
        ("interpolation", "cubic"),
        ("horizontal_flip", 1),
        ("random_crop_padding", 2.5),
        ("rand_augment_magnitude", 9),
        ("random_erasing", 1.1),
        ("mix_up", -0.2),
        ("rescale", 0),
        ("preprocessing_function", abs),
        ("preprocessing_function", "preprocess_input"),
        ("cval", 300),
    ],
)
def test_bad_values_are_named(field, value):
    with pytest.raises(KerasclfError, match=rf"Augmentation cannot be used:\n  - {field}: .*Received"):
        Augmentation(**{field: value})


def test_all_bad_values_are_named_together():
    with pytest.raises(KerasclfError) as caught:
        Augmentation(rotation_range=-1, cval=-1, mix_up=-1)
    assert str(caught.value).count("\n  - ") == 3


def test_a_misspelt_field_suggests_the_right_one():
    with pytest.raises(KerasclfError, match=r"Did you mean 'horizontal_flip'\?"):
        Augmentation(horizontl_flip=True)
    with pytest.raises(KerasclfError, match=r"Did you mean 'zoom_range'\?"):
        Augmentation().but(zoomrange=0.1)


def test_lists_are_taken_as_the_generator_takes_them():
    value = Augmentation(zoom_range=[0.8, 1.2], brightness_range=[0.5, 1.5], width_shift_range=[1, 2])
    assert value == Augmentation(zoom_range=(0.8, 1.2), brightness_range=(0.5, 1.5), width_shift_range=(1, 2))
    assert isinstance(hash(value), int)


def test_it_travels_as_json():
    value = Augmentation(zoom_range=(0.8, 1.2), width_shift_range=3, horizontal_flip=True)
    assert Augmentation.from_dict(value.to_dict()) == value
    assert hash(value) == hash(value.but(cval=0.0))
    assert value.digest() != value.but(cval=1.0).digest()
