"""The expected speed on several GPUs, by hand."""

import pytest

from kerasclf.studies.scaling import (
    GPUS,
    LINKS,
    Link,
    Step,
    exchange_s,
    fits,
    format_speed,
    most_that_pay,
    speed_up,
    step_s,
)

# 1 MB of gradients; a millisecond for each of its passes through the line.
STEP = Step(images=64, compute_s=0.064, trainable=250_000)
LINE = Link("line", bytes_per_s=1e9, latency_s=0.0)
SLOW_TO_ANSWER = Link("slow to answer", bytes_per_s=1e30, latency_s=0.001)


def test_a_ring_sends_the_gradients_almost_twice():
    assert STEP.exchanged_bytes == 1_000_000
    assert [exchange_s(STEP, gpus, LINE) for gpus in (1, 2, 4, 64)] == pytest.approx([0, 0.001, 0.0015, 0.00196875])


def test_each_of_four_exchanges_waits_for_two_messages_of_each_other_gpu():
    assert [exchange_s(STEP, gpus, SLOW_TO_ANSWER) for gpus in (1, 2, 8)] == pytest.approx([0, 0.008, 0.056])


def test_the_computation_is_divided_and_the_exchange_added():
    assert [step_s(STEP, gpus, LINE) for gpus in (1, 2, 4)] == pytest.approx([0.064, 0.033, 0.0175])
    assert speed_up(STEP, 4, LINE) == pytest.approx(64 / 17.5)


def test_a_part_of_the_step_may_not_depend_on_the_batch():
    step = Step(images=64, compute_s=0.064, trainable=250_000, fixed_s=0.004)
    assert step_s(step, 4, LINE) == pytest.approx(0.004 + 0.015 + 0.0015)


@pytest.mark.parametrize(("within_machine", "seconds"), [(True, 0.04), (False, 0.0175)])
def test_the_gpus_of_one_machine_share_its_input(within_machine, seconds):
    step = Step(images=64, compute_s=0.064, trainable=250_000, input_s=0.04)
    link = Link("line", 1e9, 0.0, within_machine)
    assert step_s(step, 1, link) == pytest.approx(0.064)  # the input is prepared meanwhile
    assert step_s(step, 4, link) == pytest.approx(seconds)


def test_more_gpus_pay_as_long_as_twice_as_many_make_a_step_half_as_fast_again():
    """With n GPUs a step takes (62 + 2 n) / n ms."""
    assert speed_up(STEP, 32, LINE) / speed_up(STEP, 16, LINE) == pytest.approx(2 * 94 / 126)  # 1.49
    assert speed_up(STEP, 16, LINE) / speed_up(STEP, 8, LINE) == pytest.approx(2 * 78 / 94)  # 1.66
    assert most_that_pay(STEP, LINE) == 16
    assert most_that_pay(STEP, Link("slow line", 1e6, 0.0)) == 1


@pytest.mark.parametrize(("images", "within_machine", "most"), [(64, True, 8), (7, False, 4), (1000, False, 64)])
def test_a_machine_and_a_batch_have_a_limit(images, within_machine, most):
    step, link = Step(images, 1.0, 1), Link("line", 1e12, 0.0, within_machine)
    assert [gpus for gpus in GPUS if fits(step, gpus, link)][-1] == most == most_that_pay(step, link)


def test_the_links_are_in_order_of_speed():
    assert sorted(LINKS, key=lambda link: (-link.bytes_per_s, link.latency_s)) == list(LINKS)
    assert sorted(LINKS, key=lambda link: (link.latency_s, -link.bytes_per_s)) == list(LINKS)


@pytest.mark.parametrize(("times", "text"), [(5.25, "5.2×"), (1, "1.0×"), (0.1, "0.1×"), (0.03, "0.03×")])
def test_speeds_as_text(times, text):
    assert format_speed(times) == text
