"""S1c: ResNet50 on 200 species of birds: its features, and how much of it to fine-tune.

    kerasclf study birds --data birds:PATH        or        make birds DATA=birds:PATH

Results, with hardware and versions: reports/birds-*/.
"""

from kerasclf.data.published.birds import IMAGE_SIZE
from kerasclf.networks.network_checks import has_convolutions
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.declared.basenet import split_of
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study import Protocol, Published, Study
from kerasclf.training import Schedule, TrainConfig
from kerasclf.transfer import Transfer

PUBLISHED_DATA = "birds"

_EPOCHS, _HEAD_EPOCHS, _STAGE_EPOCHS = 40, 5, 20
_BACKBONE = "keras_resnet50"
_CUTS = ("last_stage", "last15", "last22", "last30")

# All layers of ResNet50 train in one experiment: that takes seconds only with small images.
_TINY = Reduction(train_per_class=40, test_per_class=5, epochs=1, image_size=(64, 64))

_NOTES = {
    "sound": (
        "Fine-tuning starts after a new head has trained alone for 5 epochs. It uses a tenth of Adam's default "
        "learning rate, one epoch of warm-up and a cosine schedule to 0.",
        "Batch normalisation keeps its pretrained statistics.",
        "The validation set is a tenth of the training images, stratified by class.",
    ),
    "published": (
        "All layers train from the first epoch at Adam's default learning rate, as in the original. Batch "
        "normalisation updates its statistics with batches of 32.",
        "The validation set is the first tenth of the training images in their original order.",
    ),
}


def birds_study(protocol: Protocol = "sound", backbone: str = _BACKBONE) -> Study:
    """Declares S1c, and in addition the last stage and the last 15, 22 and 30 convolutional layers.

    Args:
        protocol: `"sound"` or `"published"`.
        backbone: The pretrained network.
    """
    network = "ResNet50" if backbone == _BACKBONE else backbone
    cuts = [cut for cut in _CUTS if has_convolutions(backbone, cut)]
    head = TrainConfig(epochs=_EPOCHS, batch_size=32, optimizer="adam", unfreeze="head", precision="auto")
    features = Experiment(
        data=PUBLISHED_DATA,
        model=backbone,
        model_args={"head": (400,)},
        split=split_of(protocol),
        image_size=IMAGE_SIZE,
        transfer=Transfer(weights="imagenet", batch_norm="auto" if protocol == "sound" else "trained"),
        train=head,
    )
    return Study(
        name="birds",
        title=f"{network} and the birds: how much of it to train?",
        question=f"How well do the features of a pretrained {network} separate 200 species, and does fine-tuning help?",
        experiments={
            "features": features,
            "fine_tune_all": _trained_on(features, "all", _EPOCHS, protocol),
            **{f"head_then_{cut}": _trained_on(features, cut, _STAGE_EPOCHS, protocol) for cut in cuts},
        },
        published={"features": Published(0.4121, 2.3545)},
        published_data=PUBLISHED_DATA,
        published_image_size=IMAGE_SIZE,
        protocol=protocol,
        quick_reduction=_TINY,
        notes=(
            *_NOTES[protocol],
            "The original gave up fine-tuning ResNet50 at 40 minutes per epoch. Only the experiment features has "
            "published figures. The experiments head_then_… are additions.",
            *[
                f"head_then_{cut} is left out, because {backbone} has {_lack(cut)} convolutional layers."
                for cut in _CUTS
                if cut not in cuts
            ],
        ),
    )


def _lack(cut: str) -> str:
    return "no" if cut == "last_stage" else "fewer"


def _trained_on(features: Experiment, unfreeze: str, epochs: int, protocol: Protocol) -> Experiment:
    """Returns an experiment that trains the head alone, and then all layers above the cut of `unfreeze`.

    Fine-tuning of all layers under the published protocol has no phase for the head, as in the original.
    """
    whole = features.train.but(unfreeze=unfreeze, epochs=epochs)
    if protocol == "published" and unfreeze == "all":
        return features.but(train=whole)
    gentle = Schedule("cosine", warmup_epochs=1)
    sound = protocol == "sound"
    return features.but(
        earlier_phases=(features.train.but(epochs=_HEAD_EPOCHS),),
        train=whole.but(learning_rate=1e-4, schedule=gentle) if sound else whole,
    )
