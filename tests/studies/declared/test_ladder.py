"""S1b as declared."""

from kerasclf.studies import declare


def test_each_step_adds_to_the_one_before():
    steps = declare("ladder").experiments
    assert list(steps) == ["base", "normalised", "augmented", "deeper", "bn_before", "bn_after", "stop_by_eye",
                           "early_stopping"]  # fmt: skip
    assert steps["augmented"] == steps["normalised"].but(augmentation=steps["augmented"].augmentation)
    assert steps["deeper"] == steps["augmented"].but(model="basenet_deeper")
    assert steps["bn_before"] == steps["deeper"].but(model_args={"batch_norm": "before"})
    assert steps["stop_by_eye"] == steps["bn_before"].but(train=steps["bn_before"].train.but(epochs=21))


def test_the_protocols_differ_in_the_flaws():
    sound, published = (declare("ladder", protocol).experiments["augmented"] for protocol in ("sound", "published"))
    assert sound.split.method == "stratified"
    assert published == sound.but(split=sound.split.but(method="first"), augment_validation=True)
