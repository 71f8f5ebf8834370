"""`kerasclf train`: one pretrained network on one's own images."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console

from kerasclf.commands.output import folder_name, log_to, say
from kerasclf.commands.parsing import parse_size
from kerasclf.commands.run_options import RunOptions
from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    from kerasclf.runs.experiment import Experiment


@dataclass(frozen=True)
class TrainCommand(RunOptions):
    """Train a pretrained network on your images: a new head first, then what lies above a cut; and write a report.

    What lies below the cut is computed once for each image and kept (kerasclf cache list). The model is saved in the
    run's folder; it takes raw images and loads with Keras alone.

    Examples:
      kerasclf train --data folder:my_photos --plan
      kerasclf train --data folder:my_photos --backbone keras_resnet50 --unfreeze stage5
      kerasclf train --data folder:my_photos --backbone efficientnetv2_b0 --unfreeze head --repeats 3
    """

    FLAGS: ClassVar[dict[str, str]] = {"cache": "--no-cache", "size": "--quick"}

    data: str = ""
    """folder:PATH with a folder for each class, or any other data set; see kerasclf study --help."""
    backbone: str = "keras_resnet50"
    """A pretrained network; kerasclf models lists them."""
    unfreeze: str = "head"
    """What of it trains: head, all, lastN (the last N convolutional layers), stageK (from stage K on) or from:LAYER."""
    weights: str = "imagenet"
    """imagenet (downloaded once), a file (.keras, .weights.h5, .h5), or none to begin at random."""
    head: tuple[int, ...] = ()
    """Widths of hidden layers of the new head."""
    dropout: float = 0.0
    """Share of the values before each layer of the head that are dropped while training."""
    head_epochs: int = 5
    """Epochs of the head alone before what lies above the cut trains with it; 0 for none."""
    epochs: int = 20
    """Epochs of the training, after those of the head."""
    batch_size: int = 32
    """Images a step."""
    learning_rate: float | None = None
    """Adam's peak learning rate; 1e-3 for the head alone and a tenth of it for more where it is not given."""
    layer_decay: float = 1.0
    """Each stage further from the output trains at so much of the rate of the one above it."""
    augment: bool = False
    """Flip, shift and zoom training images anew in every epoch. Cannot use what is kept, unless --views is given."""
    views: int = 0
    """With --augment: keep so many changed versions of each image instead of changing it in every epoch."""
    precision: str = "auto"
    """float32, mixed_bfloat16, mixed_float16, or auto: bfloat16 where the machine is faster with it."""
    find_rate: bool = False
    """Only propose a learning rate for what lies above the cut, by a short training whose rate rises."""

    def run(self, console: Console) -> None:
        from kerasclf.studies.single_experiment import single_experiment_study

        if not self.data:
            raise KerasclfError("Which images? Give --data folder:PATH, where PATH holds a folder for each class.")
        self._check()
        options = self.study_options(None, None, None)
        study = single_experiment_study(self._experiment(), options.but(limits=options.limits.but(image_size=None)))
        out = self.out or Path("runs") / folder_name("train", self.data, self.backbone, study.size)
        if self.find_rate:
            _propose_rate(next(iter(study.experiments.values())), out, console)
            return
        say(console, f"training {self.backbone} ({self.unfreeze}) on {self.data} → {out}")
        self.run_study(study, out, console)

    def _check(self) -> None:
        if self.head_epochs < 0:
            raise KerasclfError(f"--head-epochs: expected at least 0. Received: {self.head_epochs}.")

    def _experiment(self) -> "Experiment":
        from kerasclf.pipeline import Augmentation
        from kerasclf.runs.experiment import Experiment
        from kerasclf.training import Schedule, TrainConfig
        from kerasclf.transfer import Transfer

        changed = Augmentation(horizontal_flip=True, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1)
        head = TrainConfig(
            epochs=max(self.head_epochs, 1), batch_size=self.batch_size, unfreeze="head", precision=self.precision
        )
        alone = self.unfreeze == "head"
        train = head.but(
            epochs=self.epochs,
            unfreeze=self.unfreeze,
            learning_rate=(1e-3 if alone else 1e-4) if self.learning_rate is None else self.learning_rate,
            layer_decay=self.layer_decay,
            schedule=Schedule("cosine", warmup_epochs=0 if alone else min(1, self.epochs)),
        )
        return Experiment(
            data=self.data,
            model=self.backbone,
            model_args={"head": self.head, "head_dropout": self.dropout},
            augmentation=changed if self.augment else Augmentation(),
            image_size=parse_size(self.image_size) or self._usual_size(),
            earlier_phases=() if alone or self.head_epochs < 1 else (head,),
            transfer=Transfer(self.weights, cache="off" if self.no_cache else "auto", views=self.views),
            train=train,
        )

    def _usual_size(self) -> tuple[int, int] | None:
        """What backbones were trained with, where images have no size of their own."""
        from kerasclf.data.keras_sets import KERAS_SETS

        return None if self.data.split(":")[0] in KERAS_SETS else (224, 224)


def _propose_rate(experiment: "Experiment", out: Path, console: Console) -> None:
    from kerasclf.quiet import quiet_tensorflow

    quiet_tensorflow()
    from kerasclf.files import write_bytes
    from kerasclf.report.rate_curve_figure import draw_rate_curve
    from kerasclf.report.themes import figure_bytes
    from kerasclf.runs.learning_rate import find_rate

    curve = find_rate(experiment, log_to(console))
    picture = out / "learning-rates.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(picture, figure_bytes(draw_rate_curve(curve), "png"))
    say(
        console,
        f"the loss falls fastest at a learning rate of {curve.proposed:.2g}: --learning-rate {curve.proposed:.2g}",
    )
    say(console, f"a tenth of the rate where it is least: {curve.tenth_of_minimum:.2g}; the curve: {picture}")
