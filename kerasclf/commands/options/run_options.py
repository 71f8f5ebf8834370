"""The options of commands that run a study."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kerasclf.commands.options.parsing import parse_repeats
from kerasclf.commands.options.shared_options import SharedOptions
from kerasclf.errors import Problems

if TYPE_CHECKING:
    from kerasclf.studies.study_options import StudyOptions


@dataclass(frozen=True, kw_only=True)
class RunOptions(SharedOptions):
    """How `train`, `study` and `course` run a study."""

    repeats: str | None = None
    """Number of runs of each experiment, on each split. Their seeds count up from --seed. Default: the study's own
    number, usually 1. Three or more runs show which differences are significant. 3..10 looks at the results after 3, 5
    and 10 runs, and stops when every comparison is decided: better, worse or equal."""
    splits: int | None = None
    """Number of splits of the images. Each gets --repeats runs. The training and the validation set are drawn anew for
    each split. So is the test set, unless the data set has its own. Default: 1."""
    difference: float | None = None
    """With --plan: the difference in test accuracy to find, in points. The plan says how many runs of each experiment
    find it in four of five cases. Default: the study's margin, usually 2."""
    seed_deviation: float | None = None
    """With --plan: the standard deviation of the test accuracy from seed to seed, in points. Default: that of the
    finished runs, otherwise 1."""
    gpus: int | None = None
    """With --plan: the number of GPUs for which it also forecasts the speed of a training step, by the speed of NVLink,
    PCIe and networks. Nothing runs on them."""
    no_cache: bool = False
    """Compute the frozen layers in every step instead of caching their activations on disk."""
    strategy: str | None = None
    """Devices of each training. auto: all GPUs if there are several; none: one device; mirrored: all GPUs, or all
    logical CPU devices; multiworker: the workers of kerasclf launch, as auto there. Batches are divided between them.
    Default: auto."""
    profile: bool = False
    """Profile some training steps of the first run, to profile/ in its folder, for TensorBoard."""
    retry: bool = False
    """Try failed runs again."""
    live: bool = False
    """Draw the curves of each run during training, to curves.png in its folder and in place in a notebook."""
    track: Literal["wandb", "mlflow", "tensorboard"] | None = None
    """Also send the metrics to Weights & Biases, MLflow or TensorBoard (pip install "kerasclf[tracking]")."""

    def check_shared(self, data: str | None, protocol: str = "sound") -> Problems:
        """Returns the problems of the engine, the output folder, the data and the protocol, without reading images."""
        from kerasclf.studies.study_folder import StudyFolder

        problems = super().check_shared(data, protocol)
        if self.out is not None:
            with problems.collect():
                StudyFolder(self.out).holds_study()
        return problems

    def _check_plan_options(self) -> None:
        problems = Problems()
        for flag, value in (("--difference", self.difference), ("--seed-deviation", self.seed_deviation)):
            if value is not None and not 0 < value < 100:
                problems.add(f"{flag}: expected points between 0 and 100. Received: {value:g}.")
            elif value is not None and not self.plan:
                problems.add(f"{flag}: expected --plan with it, as it changes no run.")
            elif value is not None and (self.splits or 1) > 1:
                problems.add(f"{flag}: expected a single split of the images. Received: --splits {self.splits}.")
        if self.gpus is not None and self.gpus < 2:
            problems.add(f"--gpus: expected at least 2. Received: {self.gpus}.")
        elif self.gpus is not None and not self.plan:
            problems.add(
                "--gpus: expected --plan with it, as it only forecasts. A training uses the GPUs of --strategy."
            )
        problems.raise_all("The plan cannot be made")

    def study_options(
        self,
        data: str | None,
        epochs: int | None,
        weights: str | None,
        *,
        reduced: bool = False,
        backbones: tuple[str, ...] = (),
    ) -> "StudyOptions":
        """Returns the changes of a study that the options request.

        Raises:
            KerasclfError: If an option cannot be used.
        """
        from kerasclf.studies.study_options import StudyOptions

        self._check_plan_options()
        size, repeats = self.size(reduced=reduced), parse_repeats(self.repeats)
        cache: Literal["auto", "off"] = "off" if self.no_cache else "auto"
        limits = self.limits(epochs)
        return StudyOptions(
            data=data,
            repeats=repeats,
            seed=self.seed,
            size=size,
            limits=limits,
            weights=weights,
            cache=cache,
            splits=self.splits,
            backbones=backbones,
            group=self.group_by,
            skip_broken=self.skip_broken,
            strategy=self.strategy,
            fit=self.fit,
        )
