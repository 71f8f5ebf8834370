"""`kerasclf search` as a user meets it."""

import re

import pytest

from kerasclf.cli import main
from kerasclf.search import Choice, Float, read_search
from kerasclf.studies.reduction import Reduction
from tests.search.fake import FakeEngine

FAKE = '["train.learning_rate"]\nfloat = [1e-3, 1.0]\nlog = true\n["train.batch_size"]\nchoice = [16, 32, 64]\n'


@pytest.fixture
def fake(monkeypatch):
    engine = FakeEngine(2)
    monkeypatch.setattr("kerasclf.commands.search.SearchCommand.make_engine", lambda command: engine)
    return engine


def command(tmp_path, *more):
    (tmp_path / "space.toml").write_text(FAKE)
    return ["search", "basenet/adam_20", "--space", str(tmp_path / "space.toml"), "--data", "shapes", "--epochs", "5",
            "--out", str(tmp_path / "out"), "--final-repeats", "0", "--jobs", "2", *more]  # fmt: skip


def refused(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    return printed


def test_a_search_shows_its_trials_goes_on_and_reports(tmp_path, capsys, fake, monkeypatch):
    # Drawing takes seconds: once is enough.
    monkeypatch.setattr("kerasclf.commands.search_end.show_search_report", lambda *told: print("report: "))
    main(command(tmp_path, "--oracle", "tpe", "--max-trials", "4"))
    printed = capsys.readouterr().out
    assert re.search(r"trial 1  train\.learning_rate 0\.\d+  train\.batch_size \d+", printed)
    assert re.search(r"trial 4  val_accuracy 0\.\d{4}  4/4 trials  best val_accuracy 0\.\d{4} \(trial \d\)", printed)
    assert "report: " in printed
    assert len(fake.made) == 4
    monkeypatch.undo()
    monkeypatch.setattr("kerasclf.commands.search.SearchCommand.make_engine", lambda command: fake)
    main(command(tmp_path, "--oracle", "tpe", "--max-trials", "6"))
    printed = capsys.readouterr().out
    assert "goes on: 4 trials are finished, 0 under way" in printed
    assert len(fake.made) == 6
    page = (tmp_path / "out" / "report" / "index.html").read_bytes()
    main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
    assert (tmp_path / "again" / "index.html").read_bytes() == page


def test_a_second_search_in_a_folder_is_refused_before_anything_is_loaded(tmp_path, capsys, fake):
    from kerasclf.locks import hold

    fake.plan = None  # whoever asks for a plan fails
    with hold(tmp_path / "out"):
        assert "is in use by process" in refused(capsys, command(tmp_path, "--max-trials", "1"))


def test_a_failure_is_told_once(tmp_path, capsys, monkeypatch):
    fails = lambda job: ("The loss is nan.", True) if job.name == "trial 2" else None  # noqa: E731
    monkeypatch.setattr("kerasclf.commands.search.SearchCommand.make_engine", lambda command: FakeEngine(fails=fails))
    monkeypatch.setattr("kerasclf.commands.search_end.show_search_report", lambda *told: None)
    main(command(tmp_path, "--max-trials", "3"))
    printed = capsys.readouterr().out
    assert "trial 2  FAILED: The loss is nan." in printed
    assert "trial 2  failed  2/3 trials" in printed
    assert printed.count("The loss is nan.") == 1


def test_declared_searches_are_listed(capsys):
    main(["search", "--list"])
    printed = capsys.readouterr().out
    assert re.search(r"s2 +S2: learning rate, batch size and epochs by TPE \(tpe, 10 trials\)", printed)
    assert re.search(r"s4 .*\(grid, every point\)", printed)
    assert "cmaes" in printed


def test_the_declared_searches_are_as_published_and_fit_their_networks():
    from kerasclf.search.search_catalogue import SEARCHES, reduce_search
    from kerasclf.search.spaces.grid import grid_size

    for declared in SEARCHES.values():
        declared.make().check()
    s2, s4 = SEARCHES["s2"].make(), SEARCHES["s4"].make()
    assert (s2.oracle, SEARCHES["s2"].trials) == ("tpe", 10)
    assert s2.space.axes["train.learning_rate"] == Float(0.001, 0.1)
    assert grid_size(s4.space) == 243
    made = {s4.space.apply(s4.experiment, values) for values in _points(s4.space)}
    assert len(made) == 243
    assert {e.train.batch_size for e in made} == {256, 512, 1024}
    short = reduce_search(s2, Reduction(epochs=20))
    assert (short.space.axes["train.epochs"].low, short.space.axes["train.epochs"].high) == (2, 20)
    assert short.reductions == ("20 epochs instead of 50",)
    assert reduce_search(s4, Reduction(epochs=15)).space.axes["train.epochs"] == Choice(5, 10, 15)


def test_the_reduced_form_of_s2_searches_the_same_space_over_a_frozen_network_and_says_so():
    from kerasclf.report.search.search_facts import caution
    from kerasclf.search.search_catalogue import SEARCHES, reduce_search

    full, small = SEARCHES["s2"].make(), SEARCHES["s2"].make_reduced()
    small = reduce_search(small, Reduction(train_per_class=100), full.experiment)
    small.check()
    assert small.space == full.space
    assert (small.experiment.model, small.experiment.train.unfreeze) == ("mobilenet_v2", "head")
    assert dict(small.experiment.model_args)["head"] == dict(full.experiment.model_args)["head"]
    assert caution(small) == (
        "This is a reduced form: at most 100 images a class to train and validate with; at most 250 images a class to "
        "test with; mobilenet_v2 in place of resnet50; all but the head frozen, its features computed once an image."
    )
    assert caution(full) == ""


def _points(space):
    import itertools

    for values in itertools.product(*(axis.values for axis in space.axes.values())):
        yield dict(zip(space.axes, values, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search"], "Which experiment?"),
        (["search", "basenett", "--max-trials", "2"], "Unknown search or study 'basenett'. Did you mean 'basenet'?"),
        (["search", "basenet/adam20", "--max-trials", "2"], "Did you mean 'basenet/adam_20'?"),
        (["search", "basenet/adam_20", "--max-trials", "2"], "Which values? Give --space FILE.toml"),
        (["search", "nowhere.toml", "--max-trials", "2"], "The experiment nowhere.toml cannot be read"),
        (["search", "basenet", "--max-time", "2x"], "--max-time: expected a duration such as 90s, 20m, 2h or 1h30m."),
        (["search", "basenet", "--max-trials", "0"], "max_trials: expected at least 1. Received: 0."),
        (["search", "basenet", "--oracle", "tpi"], "Unknown oracle 'tpi'. Did you mean 'tpe'?"),
        (["search", "basenet", "--jobs", "x"], "--jobs: expected a number of at least 1, or auto."),
        (["search", "basenet", "--chief", "--worker"], "A process is --chief or --worker"),
        (["search", "--worker"], "--worker: give the chief's folder with --out."),
        (["search", "basenet", "--port", "80"], "--bind, --port, --name and --patience go with --chief or --worker."),
        (["search", "basenet", "--chief", "--lease", "0s"], "--lease: expected more than no time. Received: 0s."),
        (["search", "basenet", "--chief", "--port", "0"], "port: expected 1 to 65535. Received: 0."),
        (["search", "basenet", "--repeats", "0"], "Expected at least 1 repeat"),
        (["search", "basenet", "--weights", "none"], "the experiment trains basenet from random weights"),
        (["search", "basenet", "--reduced"], "The search basenet states no reduced form. Take --train-per-class"),
        (["search", "basenet/adam_20", "--reduced"], "--reduced: a declared search has such a form."),
    ],
)  # fmt: skip
def test_bad_input_is_explained(tmp_path, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ["--data", "shapes"] if arguments[1:2] == ["basenet"] else []
    assert message in refused(capsys, [*arguments, *data])
    assert not list(tmp_path.iterdir())


def test_an_experiment_comes_from_a_file(tmp_path, capsys, fake):
    (tmp_path / "mine.toml").write_text(
        'model = "basenet_deeper"\n[model_args]\ndropout = 0.1\n[split]\ntrain_per_class = 7\n'
    )
    (tmp_path / "space.toml").write_text(FAKE)
    main(["search", str(tmp_path / "mine.toml"), "--space", str(tmp_path / "space.toml"), "--max-trials", "1",
          "--out", str(tmp_path / "out"), "--final-repeats", "0", "--epochs", "4"])  # fmt: skip
    assert dict(fake.made[0].experiment.model_args) == {"dropout": 0.1}
    assert fake.made[0].experiment.split.train_per_class == 7
    (tmp_path / "bad.toml").write_text('modl = "basenet"')
    assert "Did you mean 'model'?" in refused(capsys, ["search", str(tmp_path / "bad.toml"), "--max-trials", "1"])


@pytest.mark.slow
def test_a_search_of_real_runs_looks_at_the_test_images_once(tmp_path, capsys):
    from kerasclf.runs.run_folder import RunFolder
    from kerasclf.search.final import refit_of

    arguments = ["search", "basenet", "--data", "shapes", "--quick", "--max-trials", "2", "--final-repeats", "2",
                 "--refit", "--engine", "inline", "--out", str(tmp_path / "out")]  # fmt: skip
    main(arguments)
    printed = capsys.readouterr().out
    assert "the test images are looked at once: 2 runs each of the experiment and the best and refit" in printed
    found = read_search(tmp_path / "out")
    run = RunFolder(tmp_path / "out" / "runs" / found.best.runs[0].folder)
    assert not any(name.startswith("test") for name in run.metrics())
    labels, _ = run.predictions()
    assert len(labels) == 100  # the validation images: a tenth of 40 of each of 25 classes
    assert len(list((tmp_path / "out" / "final" / "runs").glob("*/seed-*"))) == 4
    refit = refit_of(found.folder)
    assert refit["trial"] == found.best.number
    assert (tmp_path / "out" / refit["model"]).exists()
    described = RunFolder((tmp_path / "out" / refit["model"]).parent).description()
    assert described["data"]["images"]["train"] == 1000
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "trained on the training and validation sets" in page
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("metrics.json")}
    main(arguments)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("metrics.json")} == before
