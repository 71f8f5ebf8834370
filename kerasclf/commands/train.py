"""`kerasclf train`: a pretrained network on your own images."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console

from kerasclf.commands.output import folder_name, log_to, say
from kerasclf.commands.parsing import parse_size
from kerasclf.commands.run_options import RunOptions
from kerasclf.errors import Problems
from kerasclf.network_source import is_saved, label_of, saved_image_size

if TYPE_CHECKING:
    from kerasclf.runs.experiment import Experiment
    from kerasclf.studies.study import Study

_HEAD_EPOCHS = 5


@dataclass(frozen=True)
class TrainCommand(RunOptions):
    """Train a pretrained network on your images and report it: a new head first, then the layers that --unfreeze names.

    The frozen layers are computed once per image and cached (kerasclf cache list). The model is saved in the run
    folder. It takes raw images, pixels 0-255, and loads with Keras alone.

    Examples:
      kerasclf train --data folder:my_photos --plan
      kerasclf train --data folder:my_photos --backbone keras_resnet50 --unfreeze stage5
      kerasclf train --data folder:my_photos --backbone efficientnetv2_b0 --unfreeze head --repeats 3
    """

    FLAGS: ClassVar[dict[str, str]] = {
        "cache": "--no-cache", "size": "--quick", "head_dropout": "--dropout", "model": "--backbone",
        "input_shape": "--image-size",
    }  # fmt: skip

    data: str = ""
    """folder:PATH with one folder per class, or another data set; see kerasclf study --help."""
    backbone: str = "keras_resnet50"
    """A pretrained network; kerasclf models lists them. Or your own: module:function (with --weights none), or a .keras
    file to start from."""
    unfreeze: str = "head"
    """The layers that train: head (only the new layers on top), all, lastN (from the Nth last convolutional layer on),
    stageK (from stage K on) or from:LAYER. The layers below are frozen: they keep their weights."""
    weights: str = "imagenet"
    """imagenet (downloaded once), a file (.keras, .weights.h5, .h5, .safetensors, .pth), or none for random weights."""
    head: tuple[int, ...] = ()
    """Widths of the hidden layers of the new head. Default: no hidden layer."""
    dropout: float = 0.0
    """Dropout rate before each layer of the head."""
    head_epochs: int | None = None
    """Epochs of the head alone, before the other layers of --unfreeze train with it; 0 for none. Default: 5."""
    epochs: int = 20
    """Epochs of the training, after those of the head alone."""
    batch_size: int = 32
    """Images per step."""
    learning_rate: float | None = None
    """Adam's peak learning rate. Default: 1e-3 for the head alone, 1e-4 for more layers."""
    layer_decay: float = 1.0
    """Learning rate of each stage, as a share of the rate of the next stage towards the output; 1 trains all alike."""
    augment: bool = False
    """Flip, shift and zoom the training images at random in every epoch. Without --views, the cache is not used."""
    views: int = 0
    """With --augment: cache this number of random versions of each image instead of changing it in every epoch."""
    precision: str = "auto"
    """float32, mixed_bfloat16, mixed_float16, or auto: mixed_bfloat16 where it is faster, otherwise float32."""
    find_rate: bool = False
    """Train briefly with a rising learning rate, propose a rate, and stop."""

    def run(self, console: Console) -> None:
        study = self._study()
        out = self.out or Path("runs") / folder_name("train", self.data, label_of(self.backbone), study.size)
        if self.find_rate:
            _propose_rate(next(iter(study.experiments.values())), out, console)
            return
        say(console, f"training {self.backbone} ({self.unfreeze}) on {self.data} → {out}")
        self.run_study(study, out, console)

    def _study(self) -> "Study":
        """Returns the study of one experiment, after all checks that need neither images nor TensorFlow.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.runs.early_checks import check_early
        from kerasclf.studies.single_experiment import single_experiment_study
        from kerasclf.studies.study_options import StudyOptions

        problems, options, study = self._problems(), StudyOptions(), None
        with problems.collect():
            options = self.study_options(None, None, None)
            options = options.but(limits=options.limits.but(image_size=None))
        with problems.collect():
            study = single_experiment_study(self._experiment(), options)
            check_early(study.experiments)
        problems.raise_all("kerasclf train cannot run")
        assert study is not None
        return study

    def _problems(self) -> Problems:
        """Returns the problems of single options, and of options that do not fit together."""
        from kerasclf.network_checks import argument_problems, weights_problems

        problems = self.check_shared(self.data or None)
        if not self.data:
            problems.add("Which images? Give --data folder:PATH, where PATH contains one folder per class.")
        if self.head_epochs is not None and self.head_epochs < 0:
            problems.add(f"--head-epochs: expected at least 0. Received: {self.head_epochs}.")
        if self.head_epochs is not None and self.unfreeze == "head":
            problems.add("--head-epochs is for more layers than the head. With --unfreeze head, give --epochs.")
        if self.views and not self.augment:
            problems.add("--views needs --augment, which makes the versions of an image.")
        for problem in [
            *argument_problems(self.backbone, {"head": self.head, "head_dropout": self.dropout}),
            *weights_problems(self.backbone, self.weights),
        ]:
            problems.add(problem)
        return problems

    def _experiment(self) -> "Experiment":
        from kerasclf.pipeline import Augmentation
        from kerasclf.runs.experiment import Experiment
        from kerasclf.training import Schedule, TrainConfig
        from kerasclf.transfer import Transfer

        changed = Augmentation(horizontal_flip=True, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1)
        head_epochs = _HEAD_EPOCHS if self.head_epochs is None else self.head_epochs
        alone = self.unfreeze == "head"
        train = TrainConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=(1e-3 if alone else 1e-4) if self.learning_rate is None else self.learning_rate,
            layer_decay=self.layer_decay,
            schedule=Schedule("cosine", warmup_epochs=0 if alone else max(0, min(1, self.epochs))),
            unfreeze=self.unfreeze,
            precision=self.precision,
        )
        head = TrainConfig(
            epochs=max(head_epochs, 1), batch_size=self.batch_size, unfreeze="head", precision=self.precision
        )
        return Experiment(
            data=self.data,
            model=self.backbone,
            model_args={"head": self.head, "head_dropout": self.dropout},
            augmentation=changed if self.augment else Augmentation(),
            image_size=parse_size(self.image_size) or self._usual_size(),
            earlier_phases=() if alone or head_epochs < 1 else (head,),
            transfer=Transfer(self.weights, cache="off" if self.no_cache else "auto", views=self.views),
            train=train,
        )

    def _usual_size(self) -> tuple[int, int] | None:
        """Returns the size that the network was trained with, unless the images have a size of their own."""
        from kerasclf.data.keras_sets import KERAS_SETS

        if self.data.split(":")[0] in KERAS_SETS:
            return None
        return (saved_image_size(self.backbone) if is_saved(self.backbone) else None) or (224, 224)


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
    say(console, f"a tenth of the rate with the lowest loss: {curve.tenth_of_minimum:.2g}; the curve: {picture}")
