"""Which precision, XLA and steps per call work together on which devices: the table of docs/gpu.md."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerasclf import TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.machine.cluster import Cluster, launch_environment
from kerasclf.training.devices import check_settings
from tests.device_combinations import COMBINATIONS, JITS, PRECISIONS, STRATEGIES

PAGE = (Path(__file__).parents[2] / "docs/gpu.md").read_text(encoding="utf-8")
DEVICES = dict(zip(STRATEGIES, ("one device", "several devices (`mirrored`)", "workers (`multiworker`)"), strict=True))
# Differences of losses between precisions, as a share.
TOLERANCE = {"float32": 1e-4, "mixed_bfloat16": 0.03, "mixed_float16": 0.03}


def table(found):
    """Returns the table of the manual: a row for each strategy, with and without XLA."""
    lines = [f"| devices | XLA | {' | '.join(PRECISIONS)} |", "|---|---|---|---|---|"]
    for strategy in STRATEGIES:
        for jit in JITS:
            cells = [outcome(found[strategy, precision, jit, 2]) for precision in PRECISIONS]
            lines.append(f"| {DEVICES[strategy]} | {'on' if jit else 'off'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def outcome(result):
    """Returns what became of a training with several steps per call."""
    if isinstance(result, str):
        return "refused" if result.startswith("KerasclfError: jit: expected") else "fails"
    return "yes" if result["steps"] > 1 else "yes, a step per call"


@pytest.mark.slow
def test_the_table_of_the_manual_is_what_trains(tmp_path):
    command = [sys.executable, "-m", "tests.device_combinations", str(tmp_path / "found.json")]
    subprocess.run(command, check=True, timeout=1200)
    found = {tuple(key): result for *key, result in json.loads((tmp_path / "found.json").read_text())}
    assert len(found) == len(STRATEGIES) * len(COMBINATIONS)
    assert table(found) in PAGE, f"the table is\n{table(found)}\nof {json.dumps(list(found.values()), indent=1)}"
    for (strategy, precision, jit, _), result in found.items():
        single = found[strategy, precision, jit, 1]
        assert isinstance(result, str) == isinstance(single, str)
        if not isinstance(result, str):
            assert result["losses"] == single["losses"]  # steps per call change the speed alone
            expected = found[strategy, "float32", False, 1]["losses"]
            np.testing.assert_allclose(result["losses"], expected, rtol=TOLERANCE[precision], err_msg=f"{strategy}")


def test_the_table_says_what_is_refused(monkeypatch):
    """In this process with its two logical devices, before any training."""
    for strategy in STRATEGIES:
        if strategy == "multiworker":
            for name, value in launch_environment(Cluster(("a:1", "b:1"), 0)).items():
                monkeypatch.setenv(name, value)
        for jit in JITS:
            row = rf"\| {re.escape(DEVICES[strategy])} \| {'on' if jit else 'off'} \|(.*)\|"
            cells = [cell.strip() for cell in re.search(row, PAGE)[1].split("|")]
            assert len(cells) == len(PRECISIONS)
            for precision, cell in zip(PRECISIONS, cells, strict=True):
                config = TrainConfig(strategy=strategy, jit=jit, precision=precision)
                assert refuses(config) == (cell == "refused"), config


def refuses(config):
    try:
        check_settings(config)
    except KerasclfError:
        return True
    return False
