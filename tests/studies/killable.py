"""A study that test_kill.py starts in a process and kills. Its process handles signals as the command does.

python -m tests.studies.killable FOLDER NAMES [--no-share] [--no-cache]
"""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

from kerasclf.__main__ import main


def killable_study():
    from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig
    from kerasclf.training import EarlyStopping, Schedule

    base = Experiment(
        data="digits",
        image_size=(32, 32),
        model="basenet_deeper",
        model_args={"dropout": 0.3, "batch_norm": "before"},
        split=Split(train_per_class=60, test_per_class=10, validation=0.2),
        augmentation=Augmentation(
            featurewise_center=True, featurewise_std_normalization=True, rotation_range=20, horizontal_flip=True
        ),
        train=TrainConfig(epochs=6, batch_size=16),
    )
    mlp = base.but(model="mlp", model_args={"dropout": 0.3})
    return Study(
        "killable", "Killable", "Does it survive?",
        {
            "dropout": base,
            "stopping": base.but(
                train=base.train.but(epochs=12, learning_rate=0.01, early_stopping=EarlyStopping("val_loss", 2))
            ),
            "plateau": base.but(train=base.train.but(schedule=Schedule("plateau", patience=1, factor=0.5))),
            "ema": base.but(
                augmentation=base.augmentation.but(mix_up=0.2, random_erasing=0.3),
                train=base.train.but(ema_momentum=0.9, optimizer="adamw"),
            ),
            "mlp": mlp,
            "mlp_sgd": mlp.but(train=mlp.train.but(optimizer="sgd", epochs=20)),
        },
    )  # fmt: skip


def sharing_study():
    """Its runs are three trainings. One has followers that end early, stop early or watch other images."""
    from kerasclf import Study
    from kerasclf.training import EarlyStopping

    killable = killable_study().experiments
    base, sgd, ema = (killable[name] for name in ("dropout", "mlp_sgd", "ema"))
    long = base.but(train=base.train.but(learning_rate=0.01))

    def trained(experiment, **changes):
        return experiment.but(train=experiment.train.but(**changes))

    return Study(
        "sharing", "Sharing", "Does it survive?",
        {
            "short": trained(long, epochs=4),
            "stops": trained(long, epochs=10, early_stopping=EarlyStopping("val_loss", 1)),
            "watches": trained(long, early_stopping=EarlyStopping("val_loss", 6)).but(augment_validation=True),
            "long": trained(long, epochs=8),
            "sgd_10": trained(sgd, epochs=10),
            "sgd_20": sgd,
            "ema_3": trained(ema, epochs=3),
            "ema_6": ema,
        },
    )  # fmt: skip


def cached_study(photos, cache="auto"):
    """Its runs are two trainings with followers: on cached activations of prepared images, and on the images."""
    from kerasclf import Experiment, Split, Study, TrainConfig
    from kerasclf.transfer import Transfer

    head = Experiment(
        data=f"folder:{photos}",
        image_size=(32, 32),
        model="squeezenet1_1",
        model_args={"head": ()},
        transfer=Transfer(weights="none", engine="tensorflow", cache=cache),
        split=Split(validation=0.1, test=0.1),
        train=TrainConfig(epochs=20, batch_size=64, unfreeze="head"),
    )
    pixels = head.but(model="mlp", model_args={"dropout": 0.3}, transfer=None, train=TrainConfig(epochs=20))
    return Study(
        "cached", "Cached", "Does it survive?",
        {
            "head_8": head.but(train=head.train.but(epochs=8)),
            "head_20": head,
            "pixels_8": pixels.but(train=pixels.train.but(epochs=8)),
            "pixels_20": pixels,
        },
    )  # fmt: skip


def run_killable(arguments):
    """Takes the place of the work of the command."""
    from rich.console import Console

    from kerasclf import run_study
    from kerasclf.errors import KerasclfError
    from kerasclf.report import read_results, write_report
    from kerasclf.runs.engines.local_engines import Processes
    from kerasclf.runs.progress import ConsoleProgress

    out, *given = arguments
    share, cache = "--no-share" not in given, "off" if "--no-cache" in given else "auto"
    names = [name for name in given if not name.startswith("--")]
    studies = [sharing_study(), killable_study(), cached_study(os.environ.get("KILLABLE_PHOTOS", "photos"), cache)]
    study = next(study for study in studies if set(names) <= set(study.experiments))
    try:
        with ConsoleProgress(len(names), Console(width=140)) as progress:
            run_study(study, out, only=tuple(names), engine=Processes(2), share=share, listener=progress)
    except KerasclfError as error:
        sys.exit(str(error))
    write_report(read_results(out), Path(out) / "report")


if __name__ == "__main__":
    # It is imported only after the handlers are installed.
    sys.modules["kerasclf.cli"] = SimpleNamespace(main=run_killable, after_interruption=lambda arguments: "")
    main(sys.argv[1:])
