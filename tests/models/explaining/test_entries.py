"""Descriptions of all networks of the catalogue, and the list that is read without TensorFlow."""

import inspect
import re

import keras
import pytest

from kerasclf.models import CATALOGUE, default_sizes, description, totals
from kerasclf.models.explaining.entries import docstring, entry, families
from kerasclf.models.heads import HEAD_LAYERS
from kerasclf.models.stages import CONVOLUTIONS
from kerasclf.networks.network_list import read_list

WRITE = "python -m kerasclf.models.explaining.write_list"


def test_the_list_is_the_catalogue():
    listed = read_list()
    assert [known.name for known in listed.entries] == list(CATALOGUE), WRITE
    assert listed.families == families(), WRITE
    for known in listed.entries:
        found = known.parameters, known.convolutions, known.batch_norm
        assert known == entry(known.name, *found), WRITE


@pytest.mark.slow
@pytest.mark.parametrize("known", read_list().entries, ids=lambda known: known.name)
def test_the_defaults_build_and_have_the_parameters_that_are_listed(known):
    model = CATALOGUE[known.name]()
    assert totals(model).trainable == known.parameters, WRITE
    below_top = [step for step in model.operations if step.name not in HEAD_LAYERS]
    assert sum(isinstance(step, CONVOLUTIONS) for step in below_top) == known.convolutions, WRITE
    assert any(isinstance(step, keras.layers.BatchNormalization) for step in below_top) == known.batch_norm, WRITE
    assert model.input_shape == (None, *known.input_shape)
    assert model.output_shape == (None, known.num_classes)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_builder_says_what_it_takes_gives_and_refuses(name):
    text = docstring(CATALOGUE[name])
    for part in ("Args:", "Returns:", "Raises:"):
        assert f"\n{part}\n" in text
    arguments = text.partition("Args:\n")[2].partition("\n\n")[0]
    documented = re.findall(r"^    (\w+):", arguments, flags=re.MULTILINE)
    taken = inspect.signature(getattr(CATALOGUE[name], "func", CATALOGUE[name])).parameters
    assert documented == list(taken)
    assert text.startswith("Builds ")


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_builder_names_its_source(name):
    assert re.search(r"\b(19|20)\d\d\b", description(name)), "the year of the paper"


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_builder_has_defaults_for_its_sizes(name):
    shape, classes = default_sizes(name)
    assert len(shape) in (1, 3)
    assert classes >= 2
