"""`ChiefClient` with KerasTuner's service."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.search.distributed import chief
from kerasclf.search.distributed.address import Address
from kerasclf.search.distributed.chief_client import ChiefClient
from tests.search.distributed.helpers import free_port, make_oracle


def make_client(monkeypatch, address):
    for name, value in address.environment("one").items():
        monkeypatch.setenv(name, value)
    return ChiefClient()


def test_a_worker_reaches_the_chief_through_kerastuners_service(tmp_path, monkeypatch):
    oracle, _ = make_oracle(tmp_path, trials=1)
    address = Address(port=free_port())
    client = make_client(monkeypatch, address)
    with pytest.raises(KerasclfError, match=r"No chief answers at .* after 0 s\. Start the chief first"):
        client.wait_for_chief(0.1)
    with chief._serving(oracle, address):
        client.wait_for_chief(10)
        assert client.token() == "word"
        assert client.request_trial(0.1, 1) == 1
        assert client.renew_lease(1) is True
        oracle.state.folder.write_outcome(oracle.state.folder.trial(1).but(status="completed", value=0.25))
        client.end_trial(1, 1)
        assert client.renew_lease(1) is False
        assert client.request_trial(0.1, 1) is None
    assert client.renew_lease(1) is None
    assert client.token() == ""
    with pytest.raises(KerasclfError, match=r"has not answered for 0 s"):
        client.request_trial(0.1, 0)
    client._channel.close()


def test_a_worker_reads_an_address_of_ipv6(monkeypatch):
    client = make_client(monkeypatch, Address("::1", 1234))
    assert client.address == "[::1]:1234"
    client._channel.close()
