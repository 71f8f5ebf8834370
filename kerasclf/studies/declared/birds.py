"""S1c: ResNet50 on 200 species of birds: its features, and how much of it to train on.

    kerasclf study birds --data birds:PATH        or        make birds DATA=birds:PATH

Measured figures, with hardware and versions: reports/birds-*/.
"""

from kerasclf.data.birds import IMAGE_SIZE
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.declared.basenet import split_of
from kerasclf.studies.study import Protocol, Published, Study
from kerasclf.training import Schedule, TrainConfig
from kerasclf.transfer import Transfer

PUBLISHED_DATA = "birds"

_EPOCHS, _HEAD_EPOCHS, _STAGE_EPOCHS = 40, 5, 20
_CUTS = ("stage5", "last15", "last22", "last30")

_NOTES = {
    "sound": (
        "What is trained on begins when a new head has been trained for 5 epochs, at a tenth of Adam's default rate, "
        "with one epoch of warm-up and a cosine to 0; batch normalisation keeps the statistics it came with.",
        "The validation part is a tenth of the training images, stratified by class.",
    ),
    "published": (
        "Everything is trained from the beginning at Adam's default rate, and batch normalisation learns from batches "
        "of 32, as the original did.",
        "The validation part is the first tenth of the training images as they come.",
    ),
}


def birds_study(protocol: Protocol = "sound") -> Study:
    """Declares S1c, with the last stage and the last 15, 22 and 30 convolutional layers beside it."""
    head = TrainConfig(epochs=_EPOCHS, batch_size=32, optimizer="adam", unfreeze="head", precision="auto")
    features = Experiment(
        data=PUBLISHED_DATA,
        model="keras_resnet50",
        model_args={"head": (400,)},
        split=split_of(protocol),
        image_size=IMAGE_SIZE,
        transfer=Transfer(weights="imagenet", batch_norm="auto" if protocol == "sound" else "trained"),
        train=head,
    )
    return Study(
        name="birds",
        title="ResNet50 and the birds: how much of it to train?",
        question="What do the features of a pretrained ResNet50 say of 200 species, and what does training on bring?",
        experiments={
            "features": features,
            "fine_tune_all": _trained_on(features, "all", _EPOCHS, protocol),
            **{f"head_then_{cut}": _trained_on(features, cut, _STAGE_EPOCHS, protocol) for cut in _CUTS},
        },
        published={"features": Published(0.4121, 2.3545)},
        published_data=PUBLISHED_DATA,
        published_image_size=IMAGE_SIZE,
        protocol=protocol,
        notes=(
            *_NOTES[protocol],
            "The original gave fine-tuning up at 40 minutes an epoch; the experiments but 'features' have no published "
            "figures, and those named head_then_… are ours.",
        ),
    )


def _trained_on(features: Experiment, unfreeze: str, epochs: int, protocol: Protocol) -> Experiment:
    """Trains the head alone first, and then with it what lies above a cut; the original began with everything."""
    whole = features.train.but(unfreeze=unfreeze, epochs=epochs)
    if protocol == "published" and unfreeze == "all":
        return features.but(train=whole)
    gentle = Schedule("cosine", warmup_epochs=1)
    sound = protocol == "sound"
    return features.but(
        earlier_phases=(features.train.but(epochs=_HEAD_EPOCHS),),
        train=whole.but(learning_rate=1e-4, schedule=gentle) if sound else whole,
    )
