"""`kerasclf search`: its output, its files and its error messages."""

import re

import pytest

from kerasclf.cli import main
from kerasclf.commands.search import SearchCommand
from kerasclf.files.locks import hold
from kerasclf.search import read_search
from tests.search.fake import FakeEngine

SPACE_FILE = '["train.learning_rate"]\nfloat = [1e-3, 1.0]\nlog = true\n["train.batch_size"]\nchoice = [16, 32, 64]\n'


@pytest.fixture
def fake(monkeypatch):
    engine = FakeEngine(2)
    monkeypatch.setattr("kerasclf.commands.search.SearchCommand.make_engine", lambda command: engine)
    return engine


@pytest.fixture
def no_report(monkeypatch):
    """Replaces the report, which takes seconds, by a line."""
    monkeypatch.setattr("kerasclf.commands.search_end.show_search_report", lambda *arguments: print("report: "))


def command(tmp_path, *more):
    (tmp_path / "space.toml").write_text(SPACE_FILE)
    return ["search", "basenet/adam_20", "--space", str(tmp_path / "space.toml"), "--data", "shapes", "--epochs", "5",
            "--out", str(tmp_path / "out"), "--final-repeats", "0", "--jobs", "2", *more]  # fmt: skip


def refused(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_a_search_shows_its_trials(tmp_path, capsys, fake, no_report):
    main(command(tmp_path, "--oracle", "tpe", "--max-trials", "4"))
    printed = capsys.readouterr().out
    assert "(tpe, 1 run per trial) → " in printed
    assert "4 trials of 1 run\n" in printed
    assert re.search(r"trial 1  train\.learning_rate 0\.\d+  train\.batch_size \d+", printed)
    assert re.search(r"trial 4  val_accuracy 0\.\d{4}  4/4 trials  best val_accuracy 0\.\d{4} \(trial \d\)\n", printed)
    assert "report: " in printed
    assert len(fake.made) == 4


def test_a_search_resumes_and_reports(tmp_path, capsys, fake):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerasclf.commands.search_end.show_search_report", lambda *arguments: None)
        main(command(tmp_path, "--oracle", "tpe", "--max-trials", "2"))
    main(command(tmp_path, "--oracle", "tpe", "--max-trials", "4"))
    assert "resuming: 2 trials finished, 0 under way" in capsys.readouterr().out
    assert len(fake.made) == 4
    page = (tmp_path / "out" / "report" / "index.html").read_bytes()
    main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
    assert (tmp_path / "again" / "index.html").read_bytes() == page


def test_a_second_search_in_a_folder_is_refused_before_anything_is_loaded(tmp_path, capsys, fake):
    fake.plan = None  # a call would fail
    with hold(tmp_path / "out"):
        assert "is in use by process" in refused(capsys, command(tmp_path, "--max-trials", "1"))


def test_a_failure_is_printed_once(tmp_path, capsys, monkeypatch, no_report):
    fails = lambda job: ("The loss is nan.", True) if job.name == "trial 2" else None  # noqa: E731
    monkeypatch.setattr("kerasclf.commands.search.SearchCommand.make_engine", lambda command: FakeEngine(fails=fails))
    main(command(tmp_path, "--max-trials", "3"))
    printed = capsys.readouterr().out
    assert "trial 2  FAILED: The loss is nan." in printed
    assert "trial 2  failed  2/3 trials" in printed
    assert printed.count("The loss is nan.") == 1


def test_declared_searches_and_oracles_are_listed(capsys):
    main(["search", "--list"])
    printed = capsys.readouterr().out
    assert re.search(r"s2 +S2: learning rate, batch size and epochs by TPE \(tpe, 10 trials\)", printed)
    assert re.search(r"s4 .*\(grid, every point\)", printed)
    assert re.search(r"cmaes +CMA-ES \(Optuna\)", printed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search"], "Expected an experiment: a declared search (basenet, s2, s4), STUDY/EXPERIMENT"),
        (["search", "basenett", "--max-trials", "2"], "Unknown search or study 'basenett'. Did you mean 'basenet'?"),
        (["search", "basenet/adam_20", "--max-trials", "2"], "Expected a search space. Give --space FILE.toml"),
        (["search", "nowhere.toml", "--max-trials", "2"], "The experiment nowhere.toml cannot be read"),
        (["search", "basenet", "--max-time", "2x"], "--max-time: expected a duration such as 90s, 20m, 2h or 1h30m."),
        (["search", "basenet", "--oracle", "tpi"], "Unknown oracle 'tpi'. Did you mean 'tpe'?"),
        (["search", "basenet", "--oracle", ""], "Unknown oracle ''."),
        (["search", "basenet", "--jobs", "x"], "--jobs: expected a number of at least 1, or auto."),
        (["search", "basenet", "--chief", "--worker"], "Expected --chief or --worker. Received both."),
        (["search", "--worker"], "--worker needs --out, the folder of the chief."),
        (["search", "basenet", "--port", "80"], "--bind, --port, --name and --patience need --chief or --worker."),
        (["search", "basenet", "--lease", "30s"], "--lease needs --chief, which hands out the trials."),
        (["search", "--worker", "--out", "out", "--lease", "30s"], "--lease needs --chief, which hands out"),
        (["search", "basenet", "--chief", "--name", "one"], "--name needs --worker. The chief has no name."),
        (["search", "basenet", "--engine", "inline", "--jobs", "2"], "--engine inline executes the runs one by one."),
        (["search", "basenet", "--chief", "--lease", "0s"], "--lease: expected more than 0 s. Received: 0s."),
        (["search", "basenet", "--chief", "--patience", ""], "--patience: expected a duration such as 90s"),
        (["search", "basenet", "--repeats", "0"], "error: --repeats: expected at least 1. Received: 0."),
        (["search", "basenet", "--weights", "none"], "--weights: the experiment trains basenet"),
        (["search", "basenet", "--protocol", "foo"], "Unknown protocol 'foo'"),
        (["search", "basenet/adam_20", "--protocol", "foo"], "Unknown protocol 'foo'"),
        (["search", "basenet", "--protocol", "published"], "--protocol is for STUDY/EXPERIMENT."),
        (["search", "s2", "--quick", "--reduced"], "Expected --quick or --reduced. Received both."),
        (["search", "basenet", "--reduced"], "The search basenet declares no reduced version. Use --train-per-class"),
        (["search", "basenet/adam_20", "--reduced"], "--reduced: only declared searches have a reduced version."),
    ],
)  # fmt: skip
def test_bad_input_is_explained(tmp_path, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ["--data", "shapes"] if arguments[1:2] == ["basenet"] else []
    assert message in refused(capsys, [*arguments, *data])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-trials", "0"], "error: --max-trials: expected at least 1. Received: 0."),
        (["--max-time", "0s"], "error: --max-time: expected more than 0. Received: 0."),
        (["--max-trials", "1", "--max-failures", "0"], "error: --max-failures: expected at least 1. Received: 0."),
        ([], "budget: expected --max-trials, --max-time or both, because this oracle proposes without end."),
        (["--max-trials", "1", "--folds", "1"], "error: --folds: expected 2 or more, or 0 for none. Received: 1."),
        (["--oracle", "hyperband", "--median"], "error: --median: Hyperband itself stops trials early. Leave it out."),
        (["--max-trials", "1", "--seed", "4294967295", "--repeats", "2"], "  - --repeats: expected different seeds"),
        (["--max-trials", "1", "--chief", "--port", "0"], "error: --port: expected 1 to 65535. Received: 0."),
        (["--max-trials", "1", "--folds", "60"], "error: --folds: expected at most 40, the number of images of"),
    ],
)
def test_library_errors_name_the_flags_of_the_command(tmp_path, options, message, capsys, fake):
    error = refused(capsys, command(tmp_path, *options))
    assert message in error
    assert "`" not in error
    assert not (tmp_path / "out").exists()


def test_errors_of_the_folder_name_the_flag(tmp_path, capsys, fake, no_report):
    main(command(tmp_path, "--max-trials", "1"))
    error = refused(capsys, command(tmp_path, "--max-trials", "1", "--seed", "3"))
    assert "differs in seed: 0 there, 3 here. Give another folder as --out. Nothing was changed." in error
    (tmp_path / "out" / "search.json").unlink()
    error = refused(capsys, command(tmp_path, "--max-trials", "1"))
    assert "is not empty and holds no search. Give a new folder as --out." in error


def test_an_axis_named_like_an_option_is_no_flag(tmp_path, capsys, fake):
    arguments = command(tmp_path, "--max-trials", "1")
    (tmp_path / "space.toml").write_text('data = { choice = ["shapes", "mnist"] }\nepochs = 3\n')
    assert "error: axis epochs: expected float = [low, high]" in refused(capsys, arguments)
    (tmp_path / "space.toml").write_text('data = { choice = ["shapes", "mnist"] }\n')
    assert "error: axis data: trials that see different images cannot be compared." in refused(capsys, arguments)


def test_a_refit_that_needs_a_validation_set_is_refused_before_the_search(tmp_path, capsys, fake):
    (tmp_path / "mine.toml").write_text('[train.schedule]\nname = "plateau"\n')
    (tmp_path / "space.toml").write_text(SPACE_FILE)
    arguments = ["search", str(tmp_path / "mine.toml"), "--space", str(tmp_path / "space.toml"), "--max-trials", "1",
                 "--out", str(tmp_path / "out"), "--refit"]  # fmt: skip
    assert "the experiment: expected a schedule that needs no validation set" in refused(capsys, arguments)
    assert not fake.made
    assert not (tmp_path / "out").exists()


def test_an_experiment_comes_from_a_file(tmp_path, capsys, fake, no_report):
    (tmp_path / "mine.toml").write_text(
        'model = "basenet_deeper"\n[model_args]\ndropout = 0.1\n[split]\ntrain_per_class = 7\n'
    )
    (tmp_path / "space.toml").write_text(SPACE_FILE)
    main(["search", str(tmp_path / "mine.toml"), "--space", str(tmp_path / "space.toml"), "--max-trials", "1",
          "--out", str(tmp_path / "out"), "--final-repeats", "0", "--epochs", "4"])  # fmt: skip
    assert dict(fake.made[0].experiment.model_args) == {"dropout": 0.1}
    assert fake.made[0].experiment.split.train_per_class == 7


@pytest.mark.slow
def test_a_search_of_real_runs_evaluates_the_test_set_once(tmp_path, capsys):
    from kerasclf.runs.run_folder import RunFolder
    from kerasclf.search.final_runs import refit_of

    arguments = ["search", "basenet", "--data", "shapes", "--quick", "--max-trials", "2", "--final-repeats", "2",
                 "--refit", "--engine", "inline", "--out", str(tmp_path / "out")]  # fmt: skip
    main(arguments)
    evaluation = "one evaluation on the test set: 2 runs each of the base experiment and the best trial, and the refit"
    assert evaluation in capsys.readouterr().out
    results = read_search(tmp_path / "out")
    run = RunFolder(tmp_path / "out" / "runs" / results.best.runs[0].folder)
    assert not any(name.startswith("test") for name in run.metrics())
    labels, _ = run.predictions()
    assert len(labels) == 100  # the validation images: a tenth of 40 for each of 25 classes
    assert len(list((tmp_path / "out" / "final" / "runs").glob("*/seed-*"))) == 4
    refit = refit_of(results)
    assert refit["trial"] == results.best.number
    assert (tmp_path / "out" / refit["model"]).exists()
    description = RunFolder((tmp_path / "out" / refit["model"]).parent).description()
    assert description["data"]["images"]["train"] == 1000
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "trained on the training and validation sets" in page
    card = (tmp_path / "out" / refit["model"]).with_name("MODEL_CARD.md").read_text()
    assert "It is a final model: it was trained on the validation images too." in card
    assert "by 2 runs of its recipe, best, which" in card
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("metrics.json")}
    main(arguments)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("metrics.json")} == before
    assert evaluation not in capsys.readouterr().out


def test_a_quick_search_takes_a_smaller_network_than_resnet50():
    from kerasclf.commands.options.search_setup import make_search

    quick = make_search(SearchCommand("s2", quick=True, data="shapes"))
    assert (quick.experiment.model, quick.experiment.transfer.weights) == ("resnet18", "none")
    assert "resnet18 instead of resnet50" in quick.reductions
    given = make_search(SearchCommand("s2", quick=True, data="shapes", weights="resnet50.keras"))
    assert given.experiment.model == "resnet50"


@pytest.mark.parametrize(
    ("options", "own", "caution"),
    [
        (
            {"backbone": "mobilenet_v2"},
            "resnet50",
            "The search ran with mobilenet_v2 instead of its own resnet50.",
        ),
        (
            {"backbone": "mobilenet_v2", "train_per_class": 7},
            "resnet50",
            "The search ran with mobilenet_v2 instead of its own resnet50. "
            "The search was reduced: at most 7 training and validation images per class.",
        ),
        ({"backbone": "resnet50"}, "", ""),
        ({}, "", ""),
    ],
)
def test_another_backbone_is_no_reduction(options, own, caution):
    from kerasclf.commands.options.search_setup import make_search
    from kerasclf.report.search.search_facts import caution as caution_of
    from kerasclf.search.search import Search

    search = make_search(SearchCommand("s2", data="cifar10", **options))
    assert search.own_backbone == own
    assert caution_of(search) == caution
    assert Search.from_dict(search.to_dict()) == search


def test_a_wrong_duration_is_the_only_problem(capsys):
    error = refused(capsys, ["search", "basenet", "--data", "shapes", "--max-time", "2x"])
    assert error.startswith("error: --max-time: expected a duration") and len(error.splitlines()) == 1
