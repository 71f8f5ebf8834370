"""Networks drawn as text."""

import keras
from keras import layers

from kerasclf.models import draw

DRAWN = """\
InputLayer                                        16 × 16 × 3   image
ZeroPad · Conv2D 3×3/2, 8 · BatchNorm · ReLU      8 × 8 × 8     stem_pad
3 times
┊ ├─ Conv2D 3×3, 8 · relu                         8 × 8 × 8     block0_1
┊ │  DepthwiseConv2D 3×3 · Dropout                8 × 8 × 8     block0_2
┊ └─ as it is
┊ Add                                             8 × 8 × 8     block0_add
├─ 2 times Conv2D 3×3, 4, 2 groups                8 × 8 × 4     last_1
└─ Conv2D 1×1, 4                                  8 × 8 × 4     last_0
Concatenate                                       8 × 8 × 8     last
GlobalAveragePool                                 8             pool
Dense 3 · softmax                                 3             logits"""


def residual_network():
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, name="stem")(layers.ZeroPadding2D(1, name="stem_pad")(image))
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
    for i in range(3):
        y = layers.Conv2D(8, 3, padding="same", name=f"block{i}_1")(x)
        y = layers.Activation("relu", name=f"block{i}_relu")(y)
        y = layers.DepthwiseConv2D(3, padding="same", name=f"block{i}_2")(y)
        # The dropout rate differs from block to block, but the blocks are drawn as equal.
        x = layers.Add(name=f"block{i}_add")([x, layers.Dropout(0.1 * (i + 1), name=f"block{i}_drop")(y)])
    y = layers.Conv2D(4, 3, padding="same", groups=2, name="last_1")(x)
    y = layers.Conv2D(4, 3, padding="same", groups=2, name="last_2")(y)
    x = layers.Concatenate(name="last")([layers.Conv2D(4, 1, name="last_0")(x), y])
    x = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, layers.Activation("softmax", name="predictions")(x), name="residual")


def test_branches_and_repeats_are_drawn():
    assert [line.split() for line in draw(residual_network()).splitlines()] == [
        line.split() for line in DRAWN.splitlines()
    ]
    lengths = {line.index("8 × 8") for line in draw(residual_network()).splitlines() if "8 × 8" in line}
    assert len(lengths) == 1


def test_a_narrow_drawing_has_no_names():
    narrow = draw(residual_network(), width=60)
    assert "stem_pad" not in narrow
    assert max(map(len, narrow.splitlines())) <= 60


def test_channels_that_grow_are_folded_with_the_first_and_last_number():
    image = x = keras.Input((8, 8, 4), name="image")
    for i in range(4):
        x = layers.Concatenate(name=f"dense{i}")([x, layers.Conv2D(2, 1, name=f"conv{i}")(x)])
    drawn = draw(keras.Model(image, x))
    assert "4 times" in drawn
    assert "8 × 8 × 6 … 12" in drawn


def test_branches_that_cross_are_listed_with_what_they_read():
    image = keras.Input((4, 4, 1), name="image")
    a, b = layers.Conv2D(1, 1, name="a")(image), layers.Conv2D(1, 1, name="b")(image)
    c, d = layers.Add(name="c")([a, b]), layers.Multiply(name="d")([a, b])
    drawn = draw(keras.Model(image, layers.Maximum(name="end")([c, d])))
    assert "Add ← a, b" in drawn and "Multiply ← a, b" in drawn
    assert drawn.splitlines()[-1].startswith("Maximum")


def test_several_inputs_and_outputs_are_drawn():
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    x = layers.Add(name="sum")([one, other])
    drawn = draw(keras.Model([one, other], [layers.Dense(2, name="left")(x), layers.Dense(3, name="right")(x)]))
    assert [line.split()[0] for line in drawn.splitlines()] == ["├─", "└─", "Add", "├─", "└─"]
