"""The table of `explain`."""

import keras

from kerasclf.models import basenet, explain


def test_explain_shows_the_arithmetic():
    rows = {row.name: row for row in explain(basenet())}
    assert rows["conv1_conv"].output_shape == (28, 28, 6)
    assert rows["conv1_conv"].arithmetic == "(32 − 5 + 2·0)/1 + 1 = 28"
    assert rows["pool2"].arithmetic == "(10 − 2 + 2·0)/2 + 1 = 5"
    assert sum(row.parameters for row in rows.values()) == 24_197


def test_explain_rounds_down_where_a_window_does_not_fit():
    rows = {row.name: row for row in explain(basenet((33, 33, 3)))}
    assert rows["pool1"].arithmetic == "⌊(29 − 2 + 2·0)/2⌋ + 1 = 14"


def test_an_even_window_with_more_padding_on_one_side_has_no_false_equation():
    image = keras.Input((8, 8, 3))
    same = keras.layers.Conv2D(2, 2, padding="same", name="same")(image)
    rows = {row.name: row for row in explain(keras.Model(image, same))}
    assert rows["same"].arithmetic == "⌈8/1⌉ = 8"
