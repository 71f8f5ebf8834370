"""`ChiefOracle`: workers that join, die, return or stay silent."""

import contextlib

import pytest

from kerasclf.search.search_folder import SearchFolder
from tests.search.distributed.helpers import end, make_oracle, request


@contextlib.contextmanager
def full_disk(monkeypatch):
    """Lets no trial be written."""

    def full(self, trial):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(SearchFolder, "write", full)
        yield


def test_every_worker_has_its_own_trial_and_receives_the_end(tmp_path, now):
    oracle, _ = make_oracle(tmp_path)
    assert [request(oracle, name) for name in ("one", "two", "three", "four")] == [1, 2, 3, "IDLE"]
    assert request(oracle, "two") == 2, "a worker that restarts gets its trial back"
    for number in (2, 1, 3):
        end(oracle, number)
    assert not oracle.over
    assert [request(oracle, name) for name in ("one", "two", "three")] == ["STOPPED"] * 3
    assert oracle.over
    assert not oracle.all_dismissed
    assert request(oracle, "four") == "STOPPED"
    assert oracle.all_dismissed
    assert [t.status for t in oracle.state.folder.trials()] == ["completed"] * 3


def test_an_expired_lease_moves_the_trial_to_another_worker(tmp_path, now):
    oracle, listener = make_oracle(tmp_path, side_by_side=1)
    assert request(oracle, "one") == 1
    now[0] += 50
    oracle.get_trial("1")  # renews the lease
    now[0] += 50
    assert request(oracle, "two") == "IDLE"
    now[0] += 11
    assert request(oracle, "two") == 1
    assert "trial 1: no contact with one for 61 s; two resumes it" in listener.lines
    assert oracle.get_trial("1").hyperparameters.get("holder") == "two"
    end(oracle, 1)
    end(oracle, 1)  # the other worker finished it too, but later
    assert request(oracle, "one") == 2


def test_a_restarted_chief_leaves_trials_with_their_holders(tmp_path, now):
    oracle, _ = make_oracle(tmp_path)
    assert [request(oracle, name) for name in ("one", "two")] == [1, 2]
    again, _ = make_oracle(tmp_path)
    assert request(again, "two") == 2
    assert request(again, "three") == 3
    assert request(again, "one") == 1
    # It also takes in trials that finished while no chief was running.
    folder = again.state.folder
    folder.write_outcome(folder.trial(1).but(status="failed", message="The loss is nan."))
    third, _ = make_oracle(tmp_path)
    assert request(third, "one") == "IDLE"
    assert folder.trial(1).status == "failed"


def test_the_search_ends_with_the_last_trial_without_any_worker(tmp_path, now):
    oracle, _ = make_oracle(tmp_path, trials=1)
    assert request(oracle, "one") == 1
    oracle.check_progress()
    assert not oracle.over
    end(oracle, 1)
    oracle.check_progress()
    assert oracle.over
    # A chief of a finished search waits for nobody.
    again, _ = make_oracle(tmp_path, trials=1)
    again.check_progress()
    assert (again.over, again.all_dismissed) == (True, True)


def test_a_trial_opened_before_any_request_goes_to_the_first_worker(tmp_path, now):
    oracle, _ = make_oracle(tmp_path, trials=2)
    oracle.check_progress()
    assert [request(oracle, name) for name in ("one", "two")] == [1, 2]


def test_different_proposals_than_recorded_end_the_search_with_the_reason(tmp_path, now):
    oracle, _ = make_oracle(tmp_path)
    assert request(oracle, "one") == 1
    folder = oracle.state.folder
    folder.write(folder.trial(1).but(values={"train.learning_rate": 0.25, "train.batch_size": 16}))
    again, _ = make_oracle(tmp_path)
    assert request(again, "one") == "STOPPED"
    assert "trial 1 is recorded with" in str(again.failure)
    assert "give another folder as `out`. Nothing was changed." in str(again.failure)


def test_too_many_failures_end_the_search_for_all_workers(tmp_path, now):
    oracle, _ = make_oracle(tmp_path)
    assert [request(oracle, name) for name in ("one", "two", "three")] == [1, 2, 3]
    end(oracle, 1, "failed")
    end(oracle, 2, "failed")
    assert "2 trials in a row failed. The last reason: The loss is nan." in str(oracle.failure)
    assert request(oracle, "one") == "STOPPED"
    assert oracle.get_trial("3").status == "STOPPED", "a trial under way stops"


def test_an_end_without_a_result_frees_the_trial(tmp_path, now):
    oracle, _ = make_oracle(tmp_path, side_by_side=1)
    assert request(oracle, "one") == 1
    oracle.end_trial(oracle.get_trial("1"))
    assert request(oracle, "two") == 1


def test_an_end_that_could_not_be_written_is_recorded_when_it_is_reported_again(tmp_path, now, monkeypatch):
    oracle, _ = make_oracle(tmp_path, trials=1)
    assert request(oracle, "one") == 1
    folder = oracle.state.folder
    folder.write_outcome(folder.trial(1).but(status="completed", value=0.5))
    with full_disk(monkeypatch), pytest.raises(OSError, match="No space left"):
        oracle.end_trial(oracle.get_trial("1"))
    oracle.end_trial(oracle.get_trial("1"))
    assert folder.trial(1).status == "completed"
    assert request(oracle, "one") == "STOPPED"


def test_a_trial_that_could_not_be_written_ends_the_search_without_a_gap(tmp_path, now, monkeypatch):
    oracle, _ = make_oracle(tmp_path)
    with full_disk(monkeypatch):
        assert request(oracle, "one") == "STOPPED"
    assert isinstance(oracle.failure, OSError)
    assert request(oracle, "two") == "STOPPED"
    assert oracle.state.folder.trials() == []
    resumed, _ = make_oracle(tmp_path)
    assert request(resumed, "one") == 1


def test_an_end_without_a_chief_is_recorded_once_the_disk_has_room(tmp_path, now, monkeypatch):
    earlier, _ = make_oracle(tmp_path, trials=1)
    assert request(earlier, "one") == 1
    folder = earlier.state.folder
    folder.write_outcome(folder.trial(1).but(status="completed", value=0.5))
    oracle, _ = make_oracle(tmp_path, trials=1)
    with full_disk(monkeypatch), pytest.raises(OSError, match="No space left"):
        oracle.create_trial("one")
    assert request(oracle, "one") == 1
    oracle.end_trial(oracle.get_trial("1"))
    assert folder.trial(1).status == "completed"
    assert request(oracle, "one") == "STOPPED"
