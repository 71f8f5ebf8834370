"""`Halt`: stops a training before its last epoch. The training can be resumed."""

from dataclasses import dataclass

from kerasclf.training.listener import Row
from kerasclf.values import Value


@dataclass(frozen=True)
class Halt(Value):
    """When to stop a training early.

    Args:
        after: Number of epochs after which it stops; None for no limit.
        monitor: Metric of `bounds`: `"val_accuracy"` or `"val_loss"`.
        bounds: Value that the best `monitor` so far must have reached at the end of each epoch; None for an epoch
            without a bound. Epochs beyond the last bound have none.
    """

    after: int | None = None
    monitor: str = "val_accuracy"
    bounds: tuple[float | None, ...] = ()

    def reason(self, rows: list[Row], epochs: int) -> str | None:
        """Returns the reason to stop a training with this history, or None to continue.

        Args:
            rows: The history so far, one row per epoch.
            epochs: Number of epochs of the whole training. It does not stop after the last one.
        """
        if not rows or len(rows) >= epochs:
            return None
        if self.after is not None and len(rows) >= self.after:
            return f"after epoch {self.after}, the limit of its bracket"
        for epoch, bound in enumerate(self.bounds[: len(rows)], 1):
            if bound is None:
                continue
            values = [row[self.monitor] for row in rows[:epoch]]
            higher_is_better = self.monitor.endswith("accuracy")
            best = max(values) if higher_is_better else min(values)
            if best < bound if higher_is_better else best > bound:
                return f"after epoch {epoch}: {self.monitor} {best:.4g}, the median of earlier trials was {bound:.4g}"
        return None


class Halted(Exception):  # noqa: N818
    """A training stopped early because its `Halt` was due. This is no fault."""

    def __init__(self, reason: str, rows: list[Row]) -> None:
        super().__init__(reason)
        self.rows = rows
