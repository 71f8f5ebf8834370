"""The address of the chief, and how long chief and workers wait for each other. Needs neither gRPC nor KerasTuner."""

import os
import socket
import time
from dataclasses import dataclass

from kerasclf.errors import KerasclfError
from kerasclf.values import whole_number

# KerasTuner's environment variables.
TUNER_ID, ORACLE_IP, ORACLE_PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"
TOKEN = "kerasclf/token"
LEASE = "60s"
# A chief waits long, because workers may load images first. A worker without a chief reports it within a minute.
PATIENCE = {"chief": "10m", "worker": "50s"}
_LOOPBACK, _PORT = "127.0.0.1", 8765
_POLL_EVERY_S, _CONNECT_S = 0.5, 5.0


@dataclass(frozen=True)
class Address:
    """The address of the chief."""

    ip: str = _LOOPBACK
    port: int = _PORT

    def __str__(self) -> str:
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{ip}:{self.port}"

    def environment(self, tuner_id: str) -> dict[str, str]:
        """Returns KerasTuner's environment variables for a worker with this name."""
        return {ORACLE_IP: self.ip, ORACLE_PORT: str(self.port), TUNER_ID: tuner_id}

    def wait_for_chief(self, patience_s: float) -> None:
        """Waits until a process listens at this address.

        Args:
            patience_s: Maximum time to wait, in seconds.

        Raises:
            KerasclfError: If no process listens in this time.
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                socket.create_connection((self.ip, self.port), timeout=_CONNECT_S).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise no_chief(str(self), patience_s) from None
            time.sleep(_POLL_EVERY_S)


@dataclass(frozen=True)
class Leases:
    """How long chief and workers wait for each other.

    Args:
        seconds: Time without contact after which a worker's trial goes to another worker.
        patience_s: Time without contact to any worker after which the chief ends, in seconds. A worker waits this long
            for its chief.
    """

    seconds: float
    patience_s: float


def no_chief(address: str, patience_s: float) -> KerasclfError:
    """Returns the error of a worker that has found no chief."""
    return KerasclfError(
        f"No chief answers at {address} after {patience_s:.0f} s. Start the chief first, with the same `ip` and `port`."
    )


def find_address(ip: str | None, port: int | None) -> Address:
    """Returns the given address, with KerasTuner's variables and then loopback as defaults.

    Args:
        ip: IP address; None for `KERASTUNER_ORACLE_IP` or loopback.
        port: Port; None for `KERASTUNER_ORACLE_PORT` or 8765.

    Raises:
        KerasclfError: If the port is invalid.
    """
    ip = ip or os.environ.get(ORACLE_IP) or _LOOPBACK
    source, text = ("port", str(port)) if port is not None else (ORACLE_PORT, os.environ.get(ORACLE_PORT, str(_PORT)))
    number = whole_number(text)
    if number is None or not 0 < number < 65536:
        raise KerasclfError(f"{source}: expected 1 to 65535. Received: {text}.")
    return Address(ip, number)
