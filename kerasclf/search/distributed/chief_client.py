"""What a worker says to the chief, through KerasTuner's service. Needs KerasTuner."""

import os
import time
from typing import Any

import grpc
from keras_tuner.engine import hyperparameters, trial
from keras_tuner.src import protos

from kerasclf.errors import KerasclfError
from kerasclf.search.distributed.address import ORACLE_IP, ORACLE_PORT, TOKEN, TUNER_ID

_CALL_S = 10.0  # KerasTuner's own client would wait for an hour


class ChiefClient:
    """Speaks to the chief that KerasTuner's environment variables name."""

    def __init__(self) -> None:
        self.address = f"{os.environ[ORACLE_IP]}:{os.environ[ORACLE_PORT]}"
        self.name = os.environ[TUNER_ID]
        self._channel = grpc.insecure_channel(self.address)
        self._stub = protos.get_service_grpc().OracleStub(self._channel)
        self._messages = protos.get_service()

    def wait_for_chief(self, patience_s: float) -> None:
        """Waits until the chief answers.

        Raises:
            KerasclfError: It does not, for so long.
        """
        try:
            grpc.channel_ready_future(self._channel).result(timeout=patience_s)
        except grpc.FutureTimeoutError:
            raise KerasclfError(
                f"No chief answers at {self.address} after {patience_s:.0f} s. Start it first: kerasclf search … "
                "--chief, with the same --bind and --port."
            ) from None

    def token(self) -> str:
        """Returns the word that the chief has written into its folder; the empty string where it does not answer."""
        answer = self._call(self._stub.GetSpace, self._messages.GetSpaceRequest())
        if answer is None:
            return ""
        space = hyperparameters.HyperParameters.from_proto(answer.hyperparameters)
        return str(space.get(TOKEN))

    def ask_for_trial(self, every_s: float, without_chief_s: float) -> int | None:
        """Returns the number of a trial to run, waiting for one where there is none yet; None when all is over.

        Raises:
            KerasclfError: The chief has not answered for so long.
        """
        heard = time.monotonic()
        while True:
            request = self._messages.CreateTrialRequest(tuner_id=self.name)
            answer = self._call(self._stub.CreateTrial, request)
            if answer is not None:
                heard, given = time.monotonic(), trial.Trial.from_proto(answer.trial)
                if given.status == "STOPPED":
                    return None
                if given.status == "RUNNING":
                    return int(given.trial_id)
            elif time.monotonic() - heard > without_chief_s:
                raise KerasclfError(
                    f"The chief at {self.address} has not answered for {without_chief_s:.0f} s. Start it again with "
                    "its own command, and this worker with its."
                )
            time.sleep(every_s)

    def still_wanted(self, number: int) -> bool | None:
        """Renews the lease of a trial; returns whether it is still this worker's, or None where nobody answers."""
        answer = self._call(self._stub.GetTrial, self._messages.GetTrialRequest(trial_id=str(number)))
        if answer is None:
            return None
        given = trial.Trial.from_proto(answer.trial)
        return given.status == "RUNNING" and given.hyperparameters.get("holder") in ("", self.name)

    def end(self, number: int, without_chief_s: float) -> None:
        """Tells the chief that a trial has ended.

        Raises:
            KerasclfError: The chief has not answered for so long.
        """
        ended = trial.Trial(hyperparameters.HyperParameters(), trial_id=str(number), status="COMPLETED")
        request = self._messages.EndTrialRequest(trial=ended.to_proto())
        until = time.monotonic() + without_chief_s
        while self._call(self._stub.EndTrial, request) is None:
            if time.monotonic() > until:
                raise KerasclfError(
                    f"The chief at {self.address} has not answered for {without_chief_s:.0f} s. The trial is finished; "
                    "the chief will find it when it is started again."
                )
            time.sleep(1)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=_CALL_S)
        except grpc.RpcError:
            return None
