"""A study that test_kill.py starts in a process and kills. Its process handles signals as the command does.

python -m tests.studies.killable FOLDER NAMES
"""

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


def run_killable(arguments):
    """Takes the place of the work of the command."""
    from rich.console import Console

    from kerasclf.errors import KerasclfError
    from kerasclf.report import read_results, write_report
    from kerasclf.runs.engines import Processes
    from kerasclf.runs.progress import ConsoleProgress
    from kerasclf.studies.study_runner import run_study

    out, *names = arguments
    try:
        with ConsoleProgress(len(names), Console(width=140)) as progress:
            run_study(killable_study(), out, only=tuple(names), engine=Processes(2), listener=progress)
    except KerasclfError as error:
        sys.exit(str(error))
    write_report(read_results(out), Path(out) / "report")


if __name__ == "__main__":
    sys.modules["kerasclf.cli"] = SimpleNamespace(main=run_killable)  # imported only after the handlers are installed
    main(sys.argv[1:])
