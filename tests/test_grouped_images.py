"""A table with groups, from its file to the intervals of the report."""

import json
import re

import pandas as pd
import pytest

from kerasclf import Experiment, Study, TrainConfig, run_study
from kerasclf.cli import main
from kerasclf.report import read_results
from kerasclf.report.statistics.random_effects import mean_of, summarise_scores
from kerasclf.report.statistics.scores import scores_of
from kerasclf.runs.engines.local_engines import Inline
from tests.photos import write_photo
from tests.report.run_folders import draw_nothing


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("films")
    lines = ["image,label,film"]
    for film in range(15):
        for frame in range(4):
            write_photo(root / "photos" / f"{film}_{frame}.png", seed=10 * film + frame)
            lines.append(f"photos/{film}_{frame}.png,{('cat', 'dog', 'owl')[film % 3]},film {film}")
    (root / "labels.csv").write_text("\n".join(lines))
    out = root / "out"
    experiment = Experiment(data=f"csv:{root}/labels.csv:group=film", model="mlp", train=TrainConfig(epochs=1))
    run_study(Study("films", "Films", "Which animal?", {"mlp": experiment}, seeds=(0, 1)), out, engine=Inline())
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        main(["report", str(out)])
    return out


def test_the_manifest_has_each_film_in_one_set(study):
    (manifest,) = study.glob("data-*.json")
    sets = json.loads(manifest.read_text())["sets"]
    films = [set(of_set["groups"]) for of_set in sets.values()]
    assert sum(map(len, films)) == len(set.union(*films)) == 15


def test_the_intervals_are_over_films(study):
    (experiment,) = read_results(study).experiments
    names = pd.read_csv(next(study.glob("runs/*/seed-0/predictions.csv")))["image"]
    films = [int(re.search(r"(\d+)_", name)[1]) for name in names]
    numbers = pd.factorize(pd.Series(films))[0]
    assert experiment.runs[0].groups.tolist() == numbers.tolist()
    scores = scores_of("test_accuracy", [(run.labels, run.probabilities) for run in experiment.runs])
    expected = summarise_scores(scores, numbers)
    assert experiment.sample().images == len(set(films)) < len(films)
    assert mean_of(experiment.sample()) == mean_of(expected)
    note = f"The {len(films)} test images are of {len(set(films))} groups, none of which is in another set."
    assert note in (study / "report" / "report.md").read_text()


def test_a_run_records_the_groups_of_both_sets(study):
    (manifest,) = study.glob("data-*.json")
    sets = json.loads(manifest.read_text())["sets"]
    run = read_results(study).first_run
    for name, found in (("test", run.groups), ("validation", run.validation_groups)):
        assert found.tolist() == pd.factorize(pd.Series(sets[name]["groups"]))[0].tolist()


def test_groups_of_other_images_are_refused(study, tmp_path, capsys):
    described = next(study.glob("runs/*/seed-0/experiment.json"))
    before = described.read_text()
    content = json.loads(before)
    for name in ("validation", "test"):
        content["data"][f"{name}_groups"] = [0, 2, 1]
        described.write_text(json.dumps(content))
        with pytest.raises(SystemExit):
            main(["report", str(study), "--out", str(tmp_path / "report")])
        assert f"it has groups of other {name} images" in capsys.readouterr().err
    described.write_text(before)
