"""What is checked of experiments before any image is read."""

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.runs.early_checks import check_early
from kerasclf.transfer import Transfer

HEAD = TrainConfig(unfreeze="head")
VIEWED = Experiment(
    data="folder:x",
    model="mobilenet_v2",
    augmentation=Augmentation(horizontal_flip=True),
    transfer=Transfer("none", views=2),
    train=HEAD,
)


@pytest.mark.parametrize(
    ("accepted", "refused", "message"),
    [
        (
            {},
            {"transfer": Transfer("none", views=2, cache="off")},
            r"transfer\.views: expected 0 without a cache, which holds the views\. Received: 2\.",
        ),
        (
            {"train": TrainConfig(), "earlier_phases": (HEAD,)},
            {"train": TrainConfig()},
            r"transfer\.views: expected a phase that freezes layers, .* Received: 2 views, and no frozen layer\.",
        ),
    ],
)
def test_only_views_that_would_be_ignored_are_refused(accepted, refused, message):
    viewed = {"viewed": VIEWED.but(**accepted)}
    check_early(viewed)
    with pytest.raises(KerasclfError, match=message):
        check_early({**viewed, "ignored": VIEWED.but(**refused)})
