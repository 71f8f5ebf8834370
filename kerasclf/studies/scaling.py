"""The expected speed of one training on several GPUs: arithmetic on the step of one GPU and the speed of a link.

A step on n GPUs computes an n-th of the batch on each of them. Then a ring adds up the gradients: each GPU sends
2 (n - 1) messages, together 2 (n - 1) / n times the bytes of the gradients. Nothing overlaps, because TensorFlow packs
all gradients into one exchange, which begins when the last of them is there.
"""

from dataclasses import dataclass

# The numbers of GPUs for which tables have a column.
GPUS = (1, 2, 4, 8, 16, 32, 64)
# The GPUs of one machine, at most.
GPUS_OF_A_MACHINE = 8
# Twice as many GPUs pay if the step is at least this many times as fast.
PAYS = 1.5
# Weights are in float32 at any precision, and so are their gradients.
_BYTES_PER_WEIGHT = 4
# The gradients, and three numbers: the images of the batch, its loss and its accuracy. A message of a number takes its
# latency alone.
_EXCHANGES = 4


@dataclass(frozen=True)
class Link:
    """A connection between GPUs.

    Args:
        name: Its name.
        bytes_per_s: Bytes per second in each direction.
        latency_s: Seconds of a message without its bytes.
        within_machine: Whether it connects the GPUs of one machine. Otherwise each machine has one GPU.
    """

    name: str
    bytes_per_s: float
    latency_s: float
    within_machine: bool = False


# The speed of a line in each direction, which is a limit. The latencies are assumptions of a usual size.
LINKS = (
    Link("NVLink 4", 450e9, 5e-6, within_machine=True),
    Link("PCIe 4.0 x16", 31.5e9, 10e-6, within_machine=True),
    Link("100 Gbit/s", 12.5e9, 20e-6),
    Link("10 Gbit/s", 1.25e9, 50e-6),
    Link("1 Gbit/s", 0.125e9, 100e-6),
)


@dataclass(frozen=True)
class Step:
    """A training step on one GPU.

    Args:
        images: Images of its batch.
        compute_s: Seconds that the network computes.
        trainable: Number of trainable weights.
        input_s: Seconds in which the CPU cores of a machine prepare the batch, while the network computes.
        fixed_s: The part of `compute_s` that a smaller batch does not shorten.
    """

    images: int
    compute_s: float
    trainable: int
    input_s: float = 0.0
    fixed_s: float = 0.0

    @property
    def exchanged_bytes(self) -> int:
        """Bytes of all gradients."""
        return _BYTES_PER_WEIGHT * self.trainable


def fits(step: Step, gpus: int, link: Link) -> bool:
    """Returns whether each GPU gets an image of the batch, and the link connects so many GPUs."""
    return gpus <= step.images and (gpus <= GPUS_OF_A_MACHINE or not link.within_machine)


def exchange_s(step: Step, gpus: int, link: Link) -> float:
    """Returns the seconds of a step in which several GPUs exchange gradients and metrics."""
    messages = 2 * (gpus - 1)
    return messages / gpus * step.exchanged_bytes / link.bytes_per_s + _EXCHANGES * messages * link.latency_s


def step_s(step: Step, gpus: int, link: Link) -> float:
    """Returns the seconds of a step whose batch several GPUs divide.

    The input of the GPUs of one machine comes from the same CPU cores. Several machines divide it, too.

    Example:
        >>> from kerasclf.studies.scaling import LINKS, Step, step_s
        >>> step = Step(images=64, compute_s=0.024, trainable=25_000_000)
        >>> [round(1000 * step_s(step, 8, link), 1) for link in LINKS]  # NVLink to 1 Gbit/s, in milliseconds
        [3.7, 9.1, 18.1, 145.8, 1408.6]
    """
    compute_s = step.fixed_s + (step.compute_s - step.fixed_s) / gpus
    input_s = step.input_s if link.within_machine else step.input_s / gpus
    return max(compute_s + exchange_s(step, gpus, link), input_s)


def speed_up(step: Step, gpus: int, link: Link) -> float:
    """Returns how many times as fast a step is on several GPUs as on one, with the same batch."""
    return step_s(step, 1, link) / step_s(step, gpus, link)


def most_that_pay(step: Step, link: Link) -> int:
    """Returns the largest of `GPUS` up to which each doubling pays, with the same batch."""
    most = 1
    for gpus in GPUS[1:]:
        if not fits(step, gpus, link) or speed_up(step, gpus, link) < PAYS * speed_up(step, most, link):
            break
        most = gpus
    return most


def format_speed(times: float) -> str:
    """Returns a multiple of a speed as text: "5.3×" or "0.03×"."""
    return f"{times:.1f}×" if times >= 0.095 else f"{times:.2f}×"
