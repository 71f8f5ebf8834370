"""`ChiefClient`: a worker's connection to the chief, through KerasTuner's service. Needs KerasTuner."""

import os
import time
from typing import Any

import grpc
from keras_tuner.engine import hyperparameters, trial
from keras_tuner.src import protos

from kerasclf.errors import KerasclfError
from kerasclf.search.distributed.address import ORACLE_IP, ORACLE_PORT, TOKEN, TUNER_ID, Address, no_chief

_CALL_S = 10.0  # KerasTuner's own client would wait for an hour


class ChiefClient:
    """A connection to the chief that KerasTuner's environment variables name."""

    def __init__(self) -> None:
        self.address = str(Address(os.environ[ORACLE_IP], int(os.environ[ORACLE_PORT])))
        self.name = os.environ[TUNER_ID]
        self._channel = grpc.insecure_channel(self.address)
        self._stub = protos.get_service_grpc().OracleStub(self._channel)
        self._messages = protos.get_service()

    def wait_for_chief(self, patience_s: float) -> None:
        """Waits until the chief answers.

        Args:
            patience_s: Maximum time to wait, in seconds.

        Raises:
            KerasclfError: If the chief does not answer in this time.
        """
        try:
            grpc.channel_ready_future(self._channel).result(timeout=patience_s)
        except grpc.FutureTimeoutError:
            raise no_chief(self.address, patience_s) from None

    def token(self) -> str:
        """Returns the token of the chief, or the empty string if it does not answer."""
        answer = self._call(self._stub.GetSpace, self._messages.GetSpaceRequest())
        if answer is None:
            return ""
        space = hyperparameters.HyperParameters.from_proto(answer.hyperparameters)
        return str(space.get(TOKEN))

    def request_trial(self, poll_s: float, timeout_s: float) -> int | None:
        """Returns the number of a trial to run, waiting for one if needed; None when the search is over.

        Args:
            poll_s: Time between two requests, in seconds.
            timeout_s: Maximum time without an answer, in seconds.

        Raises:
            KerasclfError: If the chief does not answer in this time.
        """
        last_answer = time.monotonic()
        while True:
            request = self._messages.CreateTrialRequest(tuner_id=self.name)
            answer = self._call(self._stub.CreateTrial, request)
            if answer is not None:
                last_answer, received = time.monotonic(), trial.Trial.from_proto(answer.trial)
                if received.status == "STOPPED":
                    return None
                if received.status == "RUNNING":
                    return int(received.trial_id)
            elif time.monotonic() - last_answer > timeout_s:
                raise KerasclfError(
                    f"The chief at {self.address} has not answered for {timeout_s:.0f} s. Repeat its command, and then "
                    "the worker's."
                )
            time.sleep(poll_s)

    def renew_lease(self, number: int) -> bool | None:
        """Renews the lease of a trial; returns whether this worker still holds it, or None without an answer."""
        answer = self._call(self._stub.GetTrial, self._messages.GetTrialRequest(trial_id=str(number)))
        if answer is None:
            return None
        received = trial.Trial.from_proto(answer.trial)
        return received.status == "RUNNING" and received.hyperparameters.get("holder") in ("", self.name)

    def end_trial(self, number: int, timeout_s: float) -> None:
        """Reports the end of a trial to the chief.

        Args:
            number: Number of the trial.
            timeout_s: Maximum time without an answer, in seconds.

        Raises:
            KerasclfError: If the chief does not answer in this time.
        """
        ended = trial.Trial(hyperparameters.HyperParameters(), trial_id=str(number), status="COMPLETED")
        request = self._messages.EndTrialRequest(trial=ended.to_proto())
        until = time.monotonic() + timeout_s
        while self._call(self._stub.EndTrial, request) is None:
            if time.monotonic() > until:
                raise KerasclfError(
                    f"The chief at {self.address} has not answered for {timeout_s:.0f} s. The trial is finished; the "
                    "chief finds it when it is started again."
                )
            time.sleep(1)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=_CALL_S)
        except grpc.RpcError:
            return None
