"""docs/explanation/scaling.md: its tables are those that the measurements and the arithmetic give.

    python -m tests.test_scaling_page

prints the tables.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from kerasclf.studies.scaling import GPUS, LINKS, Step, fits, format_speed, most_that_pay, speed_up, step_s

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/explanation/scaling.md"
MEASURED = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8").partition("## On a GPU")[2]
# Trainable weights with 10 classes, and 10⁹ multiply-adds of an image of 224×224 (docs/networks.md).
WEIGHTS = {"basenet": 23_432, "resnet50": 23_528_522, "convnext_tiny": 27_827_818}
MULTIPLY_ADDS = {"resnet50": 4.089, "convnext_tiny": 4.456}


def measured(training, side, batch, precision):
    """Returns the seconds of a step and of its input, by a row of benchmarks/README.md."""
    row = rf"\| {training} \| {side} \| {batch} \| {precision} \| ([\d,]+) \([^|]*\| [^|]*\| ([\d,]+) \|"
    found = re.search(row, MEASURED)
    assert found, row
    return tuple(batch / int(number.replace(",", "")) for number in found.groups())


def steps():
    """Returns the steps that the page has, by what it says of them."""
    (small_s, _), (compute_s, input_s) = (measured("BaseNet", 32, batch, "float32") for batch in (32, 256))
    fixed_s = small_s - 32 * (compute_s - small_s) / (256 - 32)
    basenet = Step(256, compute_s, WEIGHTS["basenet"], input_s, fixed_s)
    compute_s, input_s = measured("ResNet50, all layers", 224, 64, "mixed bfloat16")
    resnet = Step(64, compute_s, WEIGHTS["resnet50"], input_s)
    estimated_s = compute_s * MULTIPLY_ADDS["convnext_tiny"] / MULTIPLY_ADDS["resnet50"]
    convnext = Step(64, estimated_s, WEIGHTS["convnext_tiny"], input_s)
    return {"BaseNet": basenet, "ResNet50": resnet, "ConvNeXt-T": convnext}


def with_batch(step, images):
    """Returns the step with another number of images in its batch. It exchanges the same gradients."""
    factor = images / step.images
    compute_s = step.fixed_s + factor * (step.compute_s - step.fixed_s)
    return replace(step, images=images, compute_s=compute_s, input_s=factor * step.input_s)


def table(headings, rows):
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def costs():
    """The table of what a step costs."""
    rows = [
        [
            name, str(step.images), f"{1e3 * step.compute_s:.2f}", f"{1e6 * step.compute_s / step.images:.3g}",
            f"{step.trainable:,}", f"{step.exchanged_bytes / 1e6:.3g}",
            "estimated" if name == "ConvNeXt-T" else "measured",
        ]
        for name, step in steps().items()
    ]  # fmt: skip
    return table(["network", "images", "step, ms", "an image, µs", "weights", "gradients, MB", "time is"], rows)


def growing():
    """The table of the efficiencies if the batch grows with the GPUs."""

    def cell(step, gpus, link):
        larger = with_batch(step, gpus * step.images)
        efficiency = step_s(step, 1, link) / step_s(larger, gpus, link)
        return f"{100 * efficiency:.0f} %" if fits(larger, gpus, link) else "–"

    return by_link(cell, lambda step, link: [])


def same():
    """The table of the speeds with the same batch, and of the numbers of GPUs that pay."""

    def cell(step, gpus, link):
        return format_speed(speed_up(step, gpus, link)) if fits(step, gpus, link) else "–"

    return by_link(cell, lambda step, link: [str(most_that_pay(step, link))], ["pays up to"])


def by_link(cell, last, last_headings=()):
    rows = [
        [name if link is LINKS[0] else "", link.name, *(cell(step, gpus, link) for gpus in GPUS[1:]), *last(step, link)]
        for name, step in steps().items()
        for link in LINKS
    ]
    return table(["network", "link", *map(str, GPUS[1:]), *last_headings], rows)


def links():
    """The table of the links."""
    rows = [
        [link.name, f"{link.bytes_per_s / 1e9:g}", f"{1e6 * link.latency_s:g}",
         "the GPUs of a machine" if link.within_machine else "machines with a GPU each"]
        for link in LINKS
    ]  # fmt: skip
    return table(["link", "GB/s in each direction", "latency of a message, µs", "connects"], rows)


@pytest.mark.parametrize("made", [costs, growing, same, links])
def test_the_page_has_the_tables_of_the_arithmetic(made):
    assert made() in PAGE.read_text(encoding="utf-8"), f"python -m tests.test_scaling_page prints\n{made()}"


@pytest.mark.slow
@pytest.mark.parametrize("name", WEIGHTS)
def test_the_networks_have_these_weights(name):
    from kerasclf.models import CATALOGUE
    from kerasclf.models.explaining.costs import known_multiply_adds

    side = 32 if name == "basenet" else 224
    model = CATALOGUE[name](input_shape=(side, side, 3), num_classes=10)
    assert sum(weight.shape.num_elements() for weight in model.trainable_weights) == WEIGHTS[name]
    if name in MULTIPLY_ADDS:
        assert round(known_multiply_adds(model) / 1e9, 2) == round(MULTIPLY_ADDS[name], 2)


def main():
    print(costs(), growing(), same(), links(), sep="\n\n")


if __name__ == "__main__":
    main()
