"""Costs that the tests of plans share."""

from kerasclf.runs.planning.cost import PhaseCost, RunCost

PHASE = PhaseCost("all", 24_197, startup_s=10, epoch_s=2, input_s=0.5, compute_s=1.5, epochs=30, steps=100)
COST = RunCost((PHASE,), disk_mb=4, parameters=24_197)
