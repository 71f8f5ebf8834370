"""Searches BaseNet's learning rate, batch size, dropout and augmentation.

    kerasclf search basenet        or        make search-basenet

Results with spread, hardware and versions: reports/search-*/.
"""

from kerasclf.search.search import Search
from kerasclf.search.spaces.space import Boolean, Choice, Float, Space
from kerasclf.studies.declared.basenet import basenet_study


def basenet_search() -> Search:
    """Returns the search: S1a's network with Adam and 20 epochs, by Optuna's TPE."""
    experiment = basenet_study().experiments["adam_20"]
    return Search(
        name="basenet",
        title="BaseNet: learning rate, batch size, dropout, augmentation",
        experiment=experiment,
        space=Space(
            {
                "train.learning_rate": Float(1e-4, 3e-2, log=True),
                "train.batch_size": Choice(32, 64, 128, 256),
                "model.dropout": Float(0.0, 0.6),
                "augmentation.horizontal_flip": Boolean(),
                "augmentation.zoom_range": Choice(0.0, 0.1, 0.2, 0.3),
            }
        ),
        oracle="tpe",
        notes=("The experiment is S1a's with Adam and 20 epochs, under the sound protocol.",),
    )
