"""A study that test_kill.py starts in a process and kills.

python -m tests.studies.killable FOLDER JOBS
"""

import sys

from rich.console import Console

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig
from kerasclf.runs.engines import Processes
from kerasclf.runs.progress import ConsoleProgress
from kerasclf.studies.study_runner import run_study
from kerasclf.training import EarlyStopping, Schedule


def killable_study() -> Study:
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
        },
    )  # fmt: skip


if __name__ == "__main__":
    out, *names = sys.argv[1:]
    with ConsoleProgress(len(names), Console(width=140)) as progress:
        run_study(killable_study(), out, only=tuple(names), engine=Processes(2), listener=progress)
