"""Where chief and workers meet, and how long they wait for each other. Needs neither gRPC nor KerasTuner."""

import os
from dataclasses import dataclass

from kerasclf.errors import KerasclfError

# KerasTuner's own variables.
TUNER_ID, ORACLE_IP, ORACLE_PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"
TOKEN = "kerasclf/token"
# After so long without a sign of any worker the chief ends. Workers wait less: a chief may load its images first, but
# a worker that has none is to say so within a minute.
PATIENCE = {"chief": "10m", "worker": "50s"}
_LOOPBACK, _PORT = "127.0.0.1", 8765


@dataclass(frozen=True)
class Address:
    """The chief's address."""

    ip: str = _LOOPBACK
    port: int = _PORT

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"

    def environment(self, tuner_id: str) -> dict[str, str]:
        """Returns KerasTuner's variables for a process of this name."""
        return {ORACLE_IP: self.ip, ORACLE_PORT: str(self.port), TUNER_ID: tuner_id}


@dataclass(frozen=True)
class Leases:
    """How long chief and workers wait for each other.

    Args:
        seconds: After so long without a sign of its worker a trial is given to another.
        patience_s: After so long without a sign of any worker the chief ends; so long a worker waits for its chief.
    """

    seconds: float
    patience_s: float


def find_address(ip: str | None, port: int | None) -> Address:
    """Returns the address that is given, or else KerasTuner's variables, or else loopback.

    Raises:
        KerasclfError: The port is none.
    """
    ip = ip or os.environ.get(ORACLE_IP) or _LOOPBACK
    given = port if port is not None else os.environ.get(ORACLE_PORT, _PORT)
    if not str(given).isdecimal() or not 0 < int(given) < 65536:
        raise KerasclfError(f"port: expected 1 to 65535. Received: {given}.")
    return Address(ip, int(given))
