"""What a chief gives to workers that come, die, come back or stay silent; and KerasTuner's service in between."""

import os

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.search import Search, Space
from kerasclf.search.budget import Budget
from kerasclf.search.distributed import chief as chiefs
from kerasclf.search.distributed.address import Address, Leases, find_address
from kerasclf.search.distributed.chief import ChiefOracle
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SilentSearchListener
from kerasclf.search.search_state import SearchState
from kerasclf.search.trial import TrialRun
from tests.search.fake import BASE, SPACE


class Heard(SilentSearchListener):
    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


@pytest.fixture
def now(monkeypatch):
    found = [1000.0]
    monkeypatch.setattr(chiefs.time, "monotonic", lambda: found[0])
    return found


def make(path, trials=3, failures=2, side_by_side=3):
    search, folder = Search(BASE, Space(SPACE), "tpe", side_by_side=side_by_side), SearchFolder(path)
    folder.claim(search, {})
    heard = Heard()
    return ChiefOracle(
        SearchState(search, folder, Budget(trials, None, failures), heard), Leases(60, 600), "word"
    ), heard


def ask(oracle, name):
    given = oracle.create_trial(name)
    return int(given.trial_id) if given.status == "RUNNING" else given.status


def end(oracle, number, status="completed"):
    folder = oracle.state.folder
    run = TrialRun(0, 0, "x/seed-0", {"seconds": 1.0})
    known = (
        {"value": 0.5, "runs": (run,), "curve": (0.5,)} if status == "completed" else {"message": "The loss is nan."}
    )
    folder.write_outcome(folder.trial(number).but(status=status, **known))
    oracle.end_trial(oracle.get_trial(str(number)))


def test_every_worker_has_a_trial_of_its_own_and_hears_of_the_end(tmp_path, now):
    oracle, _ = make(tmp_path)
    assert [ask(oracle, name) for name in ("one", "two", "three", "four")] == [1, 2, 3, "IDLE"]
    assert ask(oracle, "two") == 2, "a worker that comes back has its trial again"
    for number in (2, 1, 3):
        end(oracle, number)
    assert not oracle.over
    assert [ask(oracle, name) for name in ("one", "two", "three")] == ["STOPPED"] * 3
    assert oracle.over
    assert not oracle.all_know
    assert ask(oracle, "four") == "STOPPED"
    assert oracle.all_know
    assert [t.status for t in oracle.state.folder.trials()] == ["completed"] * 3


def test_a_silent_workers_trial_goes_to_another_and_is_then_no_longer_its_own(tmp_path, now):
    oracle, heard = make(tmp_path, side_by_side=1)
    assert ask(oracle, "one") == 1
    now[0] += 50
    oracle.get_trial("1")  # it renews its lease
    now[0] += 50
    assert ask(oracle, "two") == "IDLE"
    now[0] += 11
    assert ask(oracle, "two") == 1
    assert "trial 1: nothing was heard of one for 61 s; two goes on with it" in heard.lines
    assert oracle.get_trial("1").hyperparameters.get("holder") == "two"
    end(oracle, 1)
    end(oracle, 1)  # the other one was at it, too, and comes later
    assert ask(oracle, "one") == 2


def test_a_chief_that_is_started_anew_leaves_trials_to_those_who_hold_them(tmp_path, now):
    oracle, _ = make(tmp_path)
    assert [ask(oracle, name) for name in ("one", "two")] == [1, 2]
    again, _ = make(tmp_path)
    assert ask(again, "two") == 2
    assert ask(again, "three") == 3
    assert ask(again, "one") == 1
    # And takes in what was finished while there was none.
    folder = again.state.folder
    folder.write_outcome(folder.trial(1).but(status="failed", message="The loss is nan."))
    third, _ = make(tmp_path)
    assert ask(third, "one") == "IDLE"
    assert folder.trial(1).status == "failed"


def test_time_in_which_the_chief_itself_was_stopped_counts_against_nobody(tmp_path, now, monkeypatch):
    oracle, heard = make(tmp_path, side_by_side=1)
    assert ask(oracle, "one") == 1

    def sleep(seconds):  # Ctrl-Z for an hour, and fg
        now[0] += 3600
        oracle.over = True

    monkeypatch.setattr(chiefs.time, "sleep", sleep)
    monkeypatch.setattr(chiefs, "_GOODBYE_S", -1)
    chiefs._watch(oracle, Leases(60, 600), heard)
    oracle.over = False
    assert ask(oracle, "two") == "IDLE"
    assert ask(oracle, "one") == 1


def test_it_ends_with_the_last_trial_though_no_worker_is_left_to_ask(tmp_path, now):
    oracle, _ = make(tmp_path, trials=1)
    assert ask(oracle, "one") == 1
    oracle.look()
    assert not oracle.over
    end(oracle, 1)
    oracle.look()
    assert oracle.over
    # And a chief that is started again on a finished search waits for nobody.
    again, _ = make(tmp_path, trials=1)
    again.look()
    assert (again.over, again.all_know) == (True, True)


def test_a_trial_that_was_opened_before_anybody_asked_goes_to_the_first_who_does(tmp_path, now):
    oracle, _ = make(tmp_path, trials=2)
    oracle.look()
    assert [ask(oracle, name) for name in ("one", "two")] == [1, 2]


def test_an_oracle_that_proposes_other_trials_than_are_recorded_ends_it_with_the_reason(tmp_path, now):
    oracle, _ = make(tmp_path)
    assert ask(oracle, "one") == 1
    folder = oracle.state.folder
    folder.write(folder.trial(1).but(values={"train.learning_rate": 0.25, "train.batch_size": 16}))
    again, _ = make(tmp_path)
    assert ask(again, "one") == "STOPPED"
    assert "trial 1 was" in str(again.failure)
    assert "give another folder with --out; nothing was changed" in str(again.failure)


def test_too_many_failures_end_it_for_all(tmp_path, now):
    oracle, _ = make(tmp_path)
    assert [ask(oracle, name) for name in ("one", "two", "three")] == [1, 2, 3]
    end(oracle, 1, "failed")
    end(oracle, 2, "failed")
    assert "2 trials in a row failed, the last one because: The loss is nan." in str(oracle.failure)
    assert ask(oracle, "one") == "STOPPED"
    assert oracle.get_trial("3").status == "STOPPED", "and a trial that is under way is no longer wanted"


def test_an_end_without_a_result_gives_the_trial_to_the_next(tmp_path, now):
    oracle, _ = make(tmp_path, side_by_side=1)
    assert ask(oracle, "one") == 1
    oracle.end_trial(oracle.get_trial("1"))
    assert ask(oracle, "two") == 1


def test_workers_speak_to_it_through_kerastuners_service(tmp_path, monkeypatch):
    from kerasclf.search.distributed.chief_client import ChiefClient

    oracle, _ = make(tmp_path, trials=1)
    address = Address(port=_free_port())
    for name, value in address.environment("one").items():
        monkeypatch.setenv(name, value)
    with chiefs._serving(oracle, address):
        with (
            pytest.raises(KerasclfError, match=r"cannot be had: another chief may use it"),
            chiefs._serving(oracle, address),
        ):
            pass
        client = ChiefClient()
        client.wait_for_chief(10)
        assert client.token() == "word"
        assert client.ask_for_trial(0.1, 1) == 1
        assert client.still_wanted(1) is True
        oracle.state.folder.write_outcome(oracle.state.folder.trial(1).but(status="completed", value=0.25))
        client.end(1, 1)
        assert client.still_wanted(1) is False
        assert client.ask_for_trial(0.1, 1) is None
    assert client.still_wanted(1) is None
    with pytest.raises(KerasclfError, match=r"has not answered for 0 s"):
        client.ask_for_trial(0.1, 0)
    client._channel.close()


def test_the_address_is_kerastuners_where_none_is_given(monkeypatch):
    for name in ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert str(find_address(None, None)) == "127.0.0.1:8765"
    monkeypatch.setitem(os.environ, "KERASTUNER_ORACLE_IP", "10.0.0.1")
    monkeypatch.setitem(os.environ, "KERASTUNER_ORACLE_PORT", "99")
    assert str(find_address(None, None)) == "10.0.0.1:99"
    assert str(find_address("::1", 1234)) == "::1:1234"
    with pytest.raises(KerasclfError, match=r"port: expected 1 to 65535. Received: 70000"):
        find_address(None, 70000)


def _free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
