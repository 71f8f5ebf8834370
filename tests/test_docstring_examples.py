"""The examples in the docstrings of the public names: each of them runs, and prints what it says."""

import doctest
from importlib import import_module

import pytest

# The names that a reader meets first, each with an example in its docstring.
PUBLIC = [
    "kerasclf.data.load_dataset",
    "kerasclf.data.ImageDataset",
    "kerasclf.data.Split",
    "kerasclf.pipeline.Augmentation",
    "kerasclf.models.build",
    "kerasclf.models.basenet",
    "kerasclf.training.TrainConfig",
    "kerasclf.training.Schedule",
    "kerasclf.transfer.Transfer",
    "kerasclf.training.train.train",
    "kerasclf.runs.Experiment",
    "kerasclf.studies.Study",
    "kerasclf.run_study",
    "kerasclf.studies.declare",
    "kerasclf.search.Space",
    "kerasclf.inference.calibration.calibration.fit_temperature",
    "kerasclf.inference.calibration.calibration.temper",
    "kerasclf.inference.calibration.abstention.choose_threshold",
    "kerasclf.inference.calibration.abstention.images_needed",
    "kerasclf.inference.export.artifacts.default_out",
    "kerasclf.inference.calibration.conformal.conformal_sets",
    "kerasclf.inference.calibration.conformal.fewest_images",
    "kerasclf.inference.export.parity.compare",
    "kerasclf.inference.calibration.probability_curves.accuracy_by_coverage",
]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs_and_prints_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    module, _, attribute = name.rpartition(".")
    public = getattr(import_module(module), attribute)
    examples = [test for test in doctest.DocTestFinder(recurse=False).find(public, attribute) if test.examples]
    assert examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in examples:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
