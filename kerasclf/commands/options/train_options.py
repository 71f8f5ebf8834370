"""The options of `kerasclf train`, their checks, and the experiments that they describe."""

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

import tyro

from kerasclf.commands.options.imbalance_options import ImbalanceOptions
from kerasclf.commands.options.parsing import parse_size
from kerasclf.commands.options.run_options import RunOptions
from kerasclf.errors import Problems
from kerasclf.networks.model_file import read_fit
from kerasclf.networks.network_checks import weights_file
from kerasclf.networks.network_source import is_saved, saved_file, saved_image_size

if TYPE_CHECKING:
    from kerasclf.data.pixels.image_fit import Fit
    from kerasclf.runs.experiment import Experiment

T = TypeVar("T")

_NETWORK = "keras_resnet50"
# The changes of --augment, which suits photographs.
_RANDOM_CHANGES: dict[str, Any] = {
    "horizontal_flip": True, "zoom_range": 0.1, "width_shift_range": 0.1, "height_shift_range": 0.1,
}  # fmt: skip


@dataclass(frozen=True)
class TrainOptions(RunOptions, ImbalanceOptions):
    """Images, network, weights, and how to train. A setting without a value is that of the run that is continued."""

    FLAGS: ClassVar[dict[str, str]] = {
        "cache": "--no-cache", "size": "--quick", "head_dropout": "--dropout", "model": "--backbone",
        "input_shape": "--image-size", "group": "--group-by",
    }  # fmt: skip

    images: Annotated[str, tyro.conf.Positional] = ""
    """A folder with one folder per class, a table of labels (.csv), or another data set. Tables may also end in .tsv,
    .parquet or .jsonl; arrays in .npz. Other data sets have a spec, such as cifar10; see kerasclf study --help."""
    data: str = ""
    """The same as IMAGES."""
    backbone: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ()
    """A pretrained network, or several to compare; kerasclf models lists them. Or your own: module:function (with
    --weights none), or a .keras file to start from. Default: keras_resnet50."""
    unfreeze: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PART")] = ()
    """The layers that train: head (the new layers on top), all, last_stage, stageK (from it on), lastN (from the
    Nth last convolution on) or from:LAYER. The layers below are frozen: they keep their weights. Default:
    head."""
    budget: str | None = None
    """A time such as 10min: compare networks, then train as many layers of the best ones as the time allows. Without
    --backbone, the networks are those of the folder of --weights, or five usual ones. A finished, evaluated model is
    left at the end."""
    weights: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE")] = ()
    """imagenet (downloaded once), a file (.keras, .weights.h5, .h5, .safetensors, .pth), a folder with a file named
    after each network, or none for random weights. Give one for all networks, or one for each. Default: imagenet."""
    head: tuple[int, ...] = ()
    """Widths of the hidden layers of the new head. Default: no hidden layer. The output layer then starts from
    logistic regression on the cached features, otherwise from random weights."""
    dropout: float | None = None
    """Dropout rate before each layer of the head. Default: 0."""
    head_epochs: int | None = None
    """Epochs of the head alone, before the other layers of --unfreeze train with it; 0 for none. Default: 5."""
    epochs: int | None = None
    """Epochs after those of the head alone. Default: 20."""
    batch_size: int | None = None
    """Images per step. Default: 32."""
    learning_rate: tuple[float, ...] = ()
    """Adam's peak learning rate, or several to compare. Default: 1e-3 for the head alone, 1e-4 for more layers."""
    layer_decay: float | None = None
    """Learning rate of each stage, as a share of the rate of the next stage towards the output. Default: 1, which
    trains all alike."""
    augment: bool = False
    """Flip, shift and zoom training images at random. Without --views, the cache is not used."""
    views: int = 0
    """With --augment: cache this number of random versions of each image instead of changing it in every epoch."""
    precision: str | None = None
    """float32, mixed_bfloat16, mixed_float16, or auto: mixed_bfloat16 where it is faster, otherwise float32. Default:
    auto."""
    refit: bool = False
    """In the end, train the best experiment once more, on all images. It is the best on the validation set, and its
    test accuracy is that of its runs before: no image is left to test the final model on."""
    continue_run: Annotated[Path | None, tyro.conf.arg(name="continue")] = None
    """Go on with a finished run, on its images and new ones. Its model goes on training, its head included. Its test
    images stay test images. Its data, network and settings are the defaults."""
    find_rate: bool = False
    """Train briefly with a rising learning rate, propose a rate, and stop."""

    @property
    def spec(self) -> str:
        """The spec of the images; empty if they are those of the run that is continued."""
        return self.data or self.images

    def problems(self) -> Problems:
        """Returns the problems of single options, and of options that do not fit together."""
        problems = self.check_shared(self.spec or None)
        if self.data and self.images:
            problems.add(f"--data: expected the images once. Received: {self.images} and --data {self.data}.")
        if not self.spec and self.continue_run is None:
            problems.add("Which images? Give a folder that contains one folder per class, or a table of labels.")
        if self.head_epochs is not None and self.head_epochs < 0:
            problems.add(f"--head-epochs: expected at least 0. Received: {self.head_epochs}.")
        if self.head_epochs is not None and set(self.unfreeze) <= {"head"} and self.continue_run is None:
            problems.add("--head-epochs is for more layers than the head. With --unfreeze head, give --epochs.")
        if self.views and not self.augment:
            problems.add("--views needs --augment, which makes the versions of an image.")
        if self.views and self.no_cache:
            problems.add("--views: expected no --no-cache, as the cache holds the versions of an image.")
        for problem in [*self._compared_problems(), *self._network_problems(), *self._continue_problems()]:
            problems.add(problem)
        return problems

    def _compared_problems(self) -> list[str]:
        """Returns what is wrong with the values that are compared."""
        compared = {"--backbone": self.backbone, "--unfreeze": self.unfreeze, "--learning-rate": self.learning_rate}
        found = [
            f"{flag}: expected each value once. Received: {value} {count} times."
            for flag, values in compared.items()
            for value, count in Counter(values).items()
            if count > 1
        ]
        several = [flag for flag, values in compared.items() if len(values) > 1]
        if self.find_rate and several:
            found.append(f"--find-rate: expected one training. Give one value of {' and '.join(several)}.")
        return found

    def _network_problems(self) -> list[str]:
        """Returns what is wrong with the networks, their heads and their weights."""
        from kerasclf.networks.network_checks import argument_problems, weights_problems

        networks = self.backbone or (_NETWORK,)
        arguments = {"head": self.head, "head_dropout": _or(self.dropout, 0.0)}
        found = [problem for network in networks for problem in argument_problems(network, arguments)]
        if len(self.weights) not in (0, 1, len(networks)):
            each = f", or one for each of the {len(networks)} networks" if len(networks) > 1 else ""
            return [*found, f"--weights: expected one value{each}. Received: {len(self.weights)}."]
        if self.continue_run is not None:
            return found
        return found + [p for network, source in self._sources() for p in weights_problems(network, source)]

    def _sources(self) -> list[tuple[str, str]]:
        """Returns the networks with the source of their weights."""
        networks, weights = self.backbone or (_NETWORK,), self.weights or ("imagenet",)
        # `problems` reports another number of weights.
        pairs = zip(networks, weights * len(networks) if len(weights) == 1 else weights, strict=False)
        return [(network, weights_file(network, source)) for network, source in pairs]

    def _continue_problems(self) -> list[str]:
        """Returns a problem for each option that would change the network of a continued run."""
        if self.continue_run is None:
            return []
        given = {
            "--backbone": self.backbone,
            "--weights": self.weights,
            "--head": self.head,
            "--dropout": self.dropout,
            "--head-epochs": self.head_epochs,
            "--image-size": self.image_size,
            "--fit": self.fit,
        }
        return [
            f"{flag}: expected no value with --continue, which goes on with the network of the run."
            for flag, value in given.items()
            if value not in (None, ())
        ]

    def experiments(self) -> "list[Experiment]":
        """Returns an experiment for each combination of the values that are compared."""
        return self._new_experiments() if self.continue_run is None else self._continued_experiments()

    def _new_experiments(self) -> "list[Experiment]":
        return [
            self._new_experiment(network, source, unfreeze, rate)
            for (network, source), unfreeze, rate in itertools.product(
                self._sources(), self.unfreeze or ("head",), self.learning_rate or (None,)
            )
        ]

    def _new_experiment(self, network: str, weights: str, unfreeze: str, rate: float | None) -> "Experiment":
        from kerasclf.pipeline import Augmentation
        from kerasclf.runs.experiment import Experiment
        from kerasclf.training import Schedule, TrainConfig
        from kerasclf.transfer import Transfer

        shared: dict[str, Any] = {
            "batch_size": _or(self.batch_size, 32),
            "precision": _or(self.precision, "auto"),
            **self.training_changes(),
        }
        head_epochs, epochs, alone = _or(self.head_epochs, 5), _or(self.epochs, 20), unfreeze == "head"
        train = TrainConfig(
            epochs=epochs,
            unfreeze=unfreeze,
            learning_rate=_usual_rate(unfreeze) if rate is None else rate,
            layer_decay=_or(self.layer_decay, 1.0),
            schedule=Schedule("cosine", warmup_epochs=0 if alone else max(0, min(1, epochs))),
            **shared,
        )
        head = TrainConfig(epochs=max(head_epochs, 1), unfreeze="head", **shared)
        experiment = Experiment(
            data=self.spec,
            model=network,
            model_args={"head": self.head, "head_dropout": _or(self.dropout, 0.0)},
            augmentation=Augmentation(**_RANDOM_CHANGES) if self.augment else Augmentation(),
            image_size=parse_size(self.image_size) or self._usual_size(network),
            earlier_phases=() if alone or head_epochs < 1 else (head,),
            transfer=Transfer(
                weights, cache="off" if self.no_cache else "auto", views=self.views, head=self._head_start(weights)
            ),
            train=train,
        )
        return experiment.reading(self.group_by, self.skip_broken, self.fit or _usual_fit(network))

    def _head_start(self, weights: str) -> Literal["new", "regression"]:
        """Returns how the new head starts: from a regression where there are features to fit it to."""
        return "new" if self.head or self.no_cache or weights == "none" else "regression"

    def _continued_experiments(self) -> "list[Experiment]":
        from kerasclf.studies.continued_run import continued_experiment, find_run

        assert self.continue_run is not None
        earlier = continued_experiment(find_run(self.continue_run), self.spec or None)
        return [
            self._changed(earlier, unfreeze, rate)
            for unfreeze, rate in itertools.product(
                self.unfreeze or (earlier.train.unfreeze,), self.learning_rate or (None,)
            )
        ]

    def _changed(self, earlier: "Experiment", unfreeze: str, rate: float | None) -> "Experiment":
        """Returns an experiment with the settings that the options give."""
        before, epochs = earlier.train, _or(self.epochs, earlier.train.epochs)
        given = {
            "batch_size": self.batch_size,
            "layer_decay": self.layer_decay,
            "precision": self.precision,
            # A rate for the head alone is too high for more layers.
            "learning_rate": _usual_rate(unfreeze) if rate is None and unfreeze != before.unfreeze else rate,
        }
        train = before.but(
            epochs=epochs,
            unfreeze=unfreeze,
            schedule=before.schedule.but(warmup_epochs=max(0, min(before.schedule.warmup_epochs, epochs))),
            **{name: value for name, value in given.items() if value is not None},
            **self.training_changes(),
        )
        assert earlier.transfer is not None
        cached = 0 if self.no_cache or unfreeze == "all" else earlier.transfer.views
        transfer = earlier.transfer.but(cache="off" if self.no_cache else "auto", views=self.views or cached)
        changes = _RANDOM_CHANGES if self.augment else {}
        changed = earlier.but(train=train, transfer=transfer, augmentation=earlier.augmentation.but(**changes))
        return changed.reading(self.group_by, self.skip_broken)

    def _usual_size(self, network: str) -> tuple[int, int] | None:
        """Returns the size that a network was trained with, unless the images have a size of their own."""
        from kerasclf.data.published.keras_sets import KERAS_SETS

        if self.spec.split(":")[0] in KERAS_SETS:
            return None
        return (saved_image_size(network) if is_saved(network) else None) or (224, 224)


def _usual_fit(network: str) -> "Fit | None":
    """Returns how a saved network was trained to read images; None for other networks."""
    return read_fit(saved_file(network)) if is_saved(network) else None


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _usual_rate(unfreeze: str) -> float:
    return 1e-3 if unfreeze == "head" else 1e-4
