"""Breaking a training off before its last epoch, such that it can be gone on with."""

from dataclasses import dataclass

from kerasclf.values import Value

Row = dict[str, float]


@dataclass(frozen=True)
class Halt(Value):
    """When a training is broken off.

    Args:
        after: After this many epochs; None for no such limit.
        monitor: What `bounds` speak of: `"val_accuracy"` or `"val_loss"`.
        bounds: What the best of `monitor` so far must have reached at the end of each epoch; None where there is no
            bound, and none beyond the last one.
    """

    after: int | None = None
    monitor: str = "val_accuracy"
    bounds: tuple[float | None, ...] = ()

    def reason(self, rows: list[Row], epochs: int) -> str | None:
        """Returns why a training with this history goes no further, or None where it does.

        Args:
            rows: A row an epoch so far.
            epochs: How many it has in all; after the last of them there is nothing to break off.
        """
        if not rows or len(rows) >= epochs:
            return None
        if self.after is not None and len(rows) >= self.after:
            return f"after epoch {self.after}, as its bracket has it"
        for epoch, bound in enumerate(self.bounds[: len(rows)], 1):
            if bound is None:
                continue
            values = [row[self.monitor] for row in rows[:epoch]]
            upwards = self.monitor.endswith("accuracy")
            best = max(values) if upwards else min(values)
            if best < bound if upwards else best > bound:
                return f"after epoch {epoch}: {self.monitor} {best:.4g}, the median of earlier trials was {bound:.4g}"
        return None


class Halted(Exception):  # noqa: N818
    """A training was broken off as it was told to."""

    def __init__(self, reason: str, rows: list[Row]) -> None:
        super().__init__(reason)
        self.rows = rows
