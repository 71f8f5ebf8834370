"""`SearchFolder`: which folders a search may use, and changed or missing files."""

import json
from dataclasses import replace

import pytest

from kerasclf.errors import FolderError
from kerasclf.files.locks import hold
from kerasclf.search import Budget, Choice, Search, Space
from kerasclf.search.distributed.address import Address, Leases
from kerasclf.search.distributed.chief import ChiefSettings, lead
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SilentSearchListener
from kerasclf.search.search_runner import plan_search, run_planned_search
from tests.search.fake import BASE, SPACE, FakeEngine, search


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"oracle": "bayesian"}, "differs in oracle: 'random' there, 'bayesian' here"),
        (
            {"space": {"train.batch_size": Choice(16, 32)}},
            r"differs in space, train\.learning_rate\.float: \[0\.001, 1\.0\] there, None here",
        ),
        ({"folds": 2}, "differs in folds: 0 there, 2 here"),
        ({"seed": 3}, "differs in seed: 0 there, 3 here"),
    ],
)
def test_the_folder_of_another_search_is_refused(tmp_path, settings, message):
    search(tmp_path / "out", budget=Budget(1))
    before = (tmp_path / "out" / "search.json").read_bytes()
    with pytest.raises(FolderError, match=message + r"\. Give another folder as `out`\."):
        search(tmp_path / "out", budget=Budget(1), **settings)
    assert (tmp_path / "out" / "search.json").read_bytes() == before


def test_a_folder_with_the_files_of_a_killed_process_is_free(tmp_path):
    for name in (".lock", ".lock.json", ".partial-abcdefgh-search.json"):
        (tmp_path / name).touch()
    assert len(search(tmp_path, budget=Budget(1)).trials) == 1
    assert not list(tmp_path.glob(".partial-*"))


def test_a_folder_with_other_files_and_a_file_are_refused(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("precious")
    with pytest.raises(FolderError, match=r"is not empty and holds no search\. Give a new folder as `out`"):
        search(tmp_path / "thesis")
    with pytest.raises(FolderError, match=r"is a file\. Give a folder as `out`"):
        search(tmp_path / "thesis" / "thesis.tex")


def test_a_search_is_not_resumed_with_other_images_or_weights(tmp_path):
    search(tmp_path / "out", budget=Budget(1))
    path = tmp_path / "out" / "search.json"
    before = json.loads(path.read_text())
    assert before["inputs"] == {"manifest": "abc", "weights": None}
    path.write_text(json.dumps({**before, "inputs": {"manifest": "another", "weights": None}}))
    changed = path.read_bytes()
    with pytest.raises(FolderError, match=r"out used other images: shapes has changed since\. Give another folder"):
        search(tmp_path / "out", budget=Budget(2))
    assert path.read_bytes() == changed
    assert len(list((tmp_path / "out" / "trials").iterdir())) == 1
    path.write_text(json.dumps(before))
    search(tmp_path / "out", budget=Budget(2))
    assert json.loads(path.read_text())["inputs"] == before["inputs"]


def planned(path, **settings):
    return plan_search(Search(BASE, Space(SPACE), "tpe", **settings), path, Budget(2), engine=FakeEngine())


def run_here(plan):
    return run_planned_search(plan, Budget(2), FakeEngine(), SilentSearchListener())


def run_as_chief(plan):
    return lead(plan, Budget(2), ChiefSettings(Address(port=1), Leases(1, 1)), SilentSearchListener())


@pytest.mark.parametrize("run", [run_here, run_as_chief])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda plan: replace(plan, search=replace(plan.search, seed=9)),
            "holds another search, which differs in seed",
        ),
        (lambda plan: replace(plan, plan=replace(plan.plan, data_of={"base": "another"})), "used other images"),
    ],
)
def test_a_search_that_takes_the_folder_during_the_plan_is_kept(tmp_path, run, change, message):
    first, second = planned(tmp_path), change(planned(tmp_path))
    run_here(first)
    before = (tmp_path / "search.json").read_bytes()
    with pytest.raises(FolderError, match=message):
        run(second)
    assert (tmp_path / "search.json").read_bytes() == before


def test_the_lag_is_that_of_the_first_of_two_equal_searches(tmp_path):
    first, second = planned(tmp_path, side_by_side=2), planned(tmp_path, side_by_side=3)
    run_here(first)
    run_here(second)
    assert SearchFolder(tmp_path).read().side_by_side == 2


def test_changes_that_affect_no_trial_are_allowed(tmp_path):
    search(tmp_path / "out", budget=Budget(1))
    search(tmp_path / "out", budget=Budget(1), title="A new title", final_seeds=(7,))
    assert SearchFolder(tmp_path / "out").read().title == "A new title"


def test_changed_and_missing_trials_are_named(tmp_path):
    search(tmp_path / "out", budget=Budget(3))
    path = tmp_path / "out" / "trials" / "00002.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "values": {**plain["values"], "train.batch_size": 48}}))
    with pytest.raises(FolderError, match=r"trial 2 is recorded with .*48.*, but the oracle now proposes"):
        search(tmp_path / "out", budget=Budget(4))
    path.write_text("{")
    with pytest.raises(FolderError, match=r"00002\.json cannot be read"):
        search(tmp_path / "out", budget=Budget(4))
    path.unlink()
    with pytest.raises(FolderError, match=r"00002\.json is missing"):
        search(tmp_path / "out", budget=Budget(4))


def test_two_searches_in_one_folder_are_refused(tmp_path):
    with hold(tmp_path / "out"), pytest.raises(FolderError, match="is in use by process"):
        search(tmp_path / "out")


def test_a_folder_without_a_search_is_named(tmp_path):
    with pytest.raises(FolderError, match=r"holds no search: search\.json is missing"):
        SearchFolder(tmp_path).read()


def test_what_a_killed_process_left_of_a_trial_is_no_trial(tmp_path):
    search(tmp_path / "out", budget=Budget(2))
    leftover = tmp_path / "out" / "trials" / ".partial-abcdefgh-00001.json"
    leftover.write_text("{")
    assert [trial.number for trial in SearchFolder(tmp_path / "out").trials()] == [1, 2]
    assert len(search(tmp_path / "out", budget=Budget(3)).trials) == 3
