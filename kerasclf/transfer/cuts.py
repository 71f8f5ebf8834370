"""Where a network is divided into what is frozen and what trains."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras

from kerasclf.errors import KerasclfError, did_you_mean
from kerasclf.models.heads import FEATURES
from kerasclf.models.stages import stages_of
from kerasclf.transfer.settings import cut_problem

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


@dataclass(frozen=True)
class Counts:
    """How many of a network's weights train."""

    trainable: int
    frozen: int


class Cuts:
    """A flat functional network and the places at which it can be divided.

    Make it when the network was just built: a layer that is used in a second model no longer knows which of its
    outputs belongs to which.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        # Layers, and what stands between them in a network of keras.applications, such as an addition.
        self._steps = list(network.operations)
        self._names = [step.name for step in self._steps]
        self._outputs = [step.output for step in self._steps]
        self._inputs = [_inputs(step) for step in self._steps]

    def first_trainable(self, unfreeze: str) -> int:
        """Returns the place in `network.operations` of the first layer that trains; all after it train too.

        Args:
            unfreeze: `"head"`, `"all"`, `"lastN"`, `"stageK"` or `"from:LAYER"`.

        Raises:
            KerasclfError: The network has no such place.
        """
        if unfreeze == "all":
            return 0
        if unfreeze == "head":
            return self._end_of_backbone(unfreeze) + 1
        if found := re.fullmatch(r"last(\d+)", unfreeze):
            return self._last_convolutions(int(found[1]))
        if found := re.fullmatch(r"stage(\d+)", unfreeze):
            return self._stage(int(found[1]))
        if unfreeze.startswith("from:"):
            return self._layer(unfreeze.removeprefix("from:"))
        hint = f" Did you mean 'from:{unfreeze}'?" if unfreeze in self._names else ""
        raise KerasclfError(f"{cut_problem(unfreeze)}{hint}")

    def freeze(self, unfreeze: str, freeze_batch_norm: bool) -> Counts:
        """Freezes what lies below the cut and unfreezes the rest; the model must be compiled anew.

        Args:
            unfreeze: The cut, as `first_trainable` takes it.
            freeze_batch_norm: Whether batch normalisation of the backbone stays in inference mode above the cut too.
        """
        first = self.first_trainable(unfreeze)
        backbone = self._names.index(FEATURES) if FEATURES in self._names else -1
        for place, step in enumerate(self._steps):
            if isinstance(step, keras.Layer):
                kept = freeze_batch_norm and place < backbone and isinstance(step, keras.layers.BatchNormalization)
                step.trainable = place >= first and not kept
        trainable = sum(int(keras.ops.size(weight)) for weight in self.network.trainable_weights)
        return Counts(trainable, self.network.count_params() - trainable)

    def cut_for(self, unfreeze: str) -> int | None:
        """Returns the highest place below the cut at which one value passes, or None where no weight is below it.

        Inside a residual block several values pass side by side; the place before the block needs one.
        """
        for place in range(self.first_trainable(unfreeze), 0, -1):
            if not any(getattr(step, "weights", ()) for step in self._steps[:place]):
                return None
            if len(self._passing(place)) == 1:
                return place
        return None

    def name(self, cut: int) -> str:
        """Returns the name of the last layer below a point."""
        return self._names[cut - 1]

    def lower(self, cuts: Sequence[int]) -> keras.Model:
        """Returns the network from its input to its activations at some cuts. It shares the layers."""
        outputs = [self._outputs[cut - 1] for cut in cuts]
        return keras.Model(self.network.input, outputs, name=f"below_{self.name(max(cuts))}")

    def untouched(self, runs: Iterable[Sequence[str]]) -> tuple[int, ...]:
        """Returns the points that runs will begin to train at while all below still has the weights it has now.

        Args:
            runs: The cuts of each run's phases, one after the other.
        """
        found = set()
        for run in runs:
            lowest = len(self._steps)
            for unfreeze in run:
                cut = self.cut_for(unfreeze) or 0
                if 0 < cut <= lowest:
                    found.add(cut)
                lowest = min(cut, lowest)  # what lies above has learnt when the next phase begins
        return tuple(sorted(found))

    def upper(self, cut: int) -> keras.Model:
        """Returns the network from a point to its output, sharing its layers."""
        return keras.Model(self._outputs[cut - 1], self._outputs[-1], name=f"above_{self.name(cut)}")

    def _passing(self, place: int) -> set[int]:
        """Returns the layers before a place whose outputs are needed from there on."""
        of_tensor = {id(output): i for i, output in enumerate(self._outputs[:place])}
        needed = (id(tensor) for inputs in self._inputs[place:] for tensor in inputs)
        return {of_tensor[tensor] for tensor in needed if tensor in of_tensor}

    def _end_of_backbone(self, unfreeze: str) -> int:
        if FEATURES not in self._names:
            raise KerasclfError(
                f"unfreeze: {self.network.name} is no pretrained network with a new head, so that {unfreeze!r} says "
                f"nothing. Expected 'all', 'lastN' or 'from:LAYER'."
            )
        return self._names.index(FEATURES)

    def _last_convolutions(self, count: int) -> int:
        places = [i for i, layer in enumerate(self._steps) if isinstance(layer, _CONVOLUTIONS)]
        if not 1 <= count <= len(places):
            raise KerasclfError(
                f"unfreeze: {self.network.name} has {len(places)} convolutional layers; expected last1 to "
                f"last{len(places)}. Received: 'last{count}'."
            )
        return places[-count]

    def _stage(self, number: int) -> int:
        self._end_of_backbone(f"stage{number}")
        stages = stages_of(self._names)
        if number not in stages.values():
            known = ", ".join(f"stage{n}" for n in sorted(set(stages.values()))) or "none by the names of its layers"
            raise KerasclfError(
                f"unfreeze: {self.network.name} has no stage {number}. Stages: {known}. "
                "Any cut can be given as from:LAYER or lastN."
            )
        return min(self._names.index(name) for name, stage in stages.items() if stage == number)

    def _layer(self, name: str) -> int:
        if name not in self._names:
            raise KerasclfError(
                f"unfreeze: {self.network.name} has no layer {name!r}.{did_you_mean(name, self._names)} "
                f"kerasclf models {self.network.name} lists them."
            )
        return self._names.index(name)


def _inputs(step: keras.Operation) -> list[keras.KerasTensor]:
    if isinstance(step, keras.layers.InputLayer):
        return []
    return list(step.input) if isinstance(step.input, list | tuple) else [step.input]
