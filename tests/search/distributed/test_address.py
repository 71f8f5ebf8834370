"""`find_address`: the given address, KerasTuner's variables, or loopback."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.search.distributed.address import find_address


def test_the_address_defaults_to_kerastuners_variables_and_then_loopback(monkeypatch):
    for name in ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert str(find_address(None, None)) == "127.0.0.1:8765"
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "10.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "99")
    assert str(find_address(None, None)) == "10.0.0.1:99"
    assert str(find_address("::1", 1234)) == "[::1]:1234"


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_a_bad_port_is_refused(port):
    with pytest.raises(KerasclfError, match=rf"^port: expected 1 to 65535\. Received: {port}\."):
        find_address(None, port)


def test_a_bad_port_of_the_environment_names_its_variable(monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "http")
    with pytest.raises(KerasclfError, match=r"KERASTUNER_ORACLE_PORT: expected 1 to 65535\. Received: http\."):
        find_address(None, None)
