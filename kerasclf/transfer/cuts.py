"""Cuts: the positions at which a network is divided into a frozen and a trainable part."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras

from kerasclf.errors import KerasclfError, did_you_mean
from kerasclf.models.heads import FEATURES
from kerasclf.models.stages import CONVOLUTIONS, stages_of
from kerasclf.transfer.settings import unfreeze_problem


@dataclass(frozen=True)
class Counts:
    """Numbers of trainable and frozen weights. Running averages and constants are neither."""

    trainable: int
    frozen: int


class Cuts:
    """A flat functional network and the positions at which it can be divided.

    A position is an index in `network.operations`. Create this object before the layers become part of a second model:
    afterwards Keras no longer tells which output of a layer belongs to which model.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        # Layers, and the operations between them in networks of keras.applications, such as additions.
        self._steps = list(network.operations)
        self._names = [step.name for step in self._steps]
        self._outputs = [step.output for step in self._steps]
        self._inputs = [_inputs(step) for step in self._steps]
        # What the builder froze stays frozen.
        self._fixed = [isinstance(step, keras.Layer) and not step.trainable for step in self._steps]

    def first_trainable(self, unfreeze: str) -> int:
        """Returns the position of the first trainable layer. All layers after it train too.

        Args:
            unfreeze: `"head"`, `"all"`, `"last_stage"`, `"lastN"`, `"stageK"` or `"from:LAYER"`.

        Raises:
            KerasclfError: If the network has no such layer.
        """
        if unfreeze == "all":
            return 0
        if unfreeze == "head":
            return self._end_of_backbone(unfreeze) + 1
        if unfreeze == "last_stage":
            return self._last_stage()
        if found := re.fullmatch(r"last(\d+)", unfreeze):
            return self._last_convolutions(int(found[1]))
        if found := re.fullmatch(r"stage(\d+)", unfreeze):
            return self._stage(int(found[1]))
        if unfreeze.startswith("from:"):
            return self._layer(unfreeze.removeprefix("from:"))
        hint = f" Did you mean 'from:{unfreeze}'?" if unfreeze in self._names else ""
        raise KerasclfError(f"{unfreeze_problem(unfreeze)}{hint}")

    def freeze(self, unfreeze: str, freeze_batch_norm: bool) -> Counts:
        """Freezes the layers below the first trainable one and unfreezes the others. Compile the model afterwards.

        Args:
            unfreeze: The part that trains, as in `first_trainable`.
            freeze_batch_norm: Whether batch normalisation in the trainable part of the backbone is frozen too.
        """
        first = self.first_trainable(unfreeze)
        for step in self._steps:
            if isinstance(step, keras.Layer):
                step.trainable = True
        all_weights = self._count()
        backbone = self._feature_maps_end()
        for position, step in enumerate(self._steps):
            if isinstance(step, keras.Layer):
                is_norm = position < backbone and isinstance(step, keras.layers.BatchNormalization)
                frozen = self._fixed[position] or (freeze_batch_norm and is_norm)
                step.trainable = position >= first and not frozen
        trainable = self._count()
        return Counts(trainable, all_weights - trainable)

    def _count(self) -> int:
        """Returns the number of weights that train now."""
        return sum(int(keras.ops.size(weight)) for weight in self.network.trainable_weights)

    def cut_for(self, unfreeze: str) -> int | None:
        """Returns the cut for an `unfreeze` setting, or None if there are no weights below it.

        The cut is the highest position, up to the first trainable layer, at which a single tensor passes. Inside a
        residual block several tensors pass, so the cut lies before the block.
        """
        for position in range(self.first_trainable(unfreeze), 0, -1):
            if not any(getattr(step, "weights", ()) for step in self._steps[:position]):
                return None
            if len(self._passing(position)) == 1:
                return position
        return None

    def name(self, cut: int) -> str:
        """Returns the name of the last layer below a cut."""
        return self._names[cut - 1]

    def lower(self, cuts: Sequence[int]) -> keras.Model:
        """Returns the network from its input to its activations at some cuts. It shares the layers."""
        outputs = [self._outputs[cut - 1] for cut in cuts]
        return keras.Model(self.network.input, outputs, name=f"below_{self.name(max(cuts))}")

    def untouched(self, runs: Iterable[Sequence[str]]) -> tuple[int, ...]:
        """Returns the cuts at which phases of some runs start while all weights below are those of now.

        Args:
            runs: The `unfreeze` settings of each run's phases, in order.
        """
        found = set()
        for run in runs:
            lowest = len(self._steps)
            for unfreeze in run:
                cut = self.cut_for(unfreeze)
                if cut is None:  # trains from the input on
                    break
                if cut <= lowest:
                    found.add(cut)
                lowest = min(cut, lowest)  # the layers above have other weights when the next phase starts
        return tuple(sorted(found))

    def upper(self, cut: int) -> keras.Model:
        """Returns the network from a cut to its output. It shares the layers."""
        return keras.Model(self._outputs[cut - 1], self._outputs[-1], name=f"above_{self.name(cut)}")

    def _passing(self, position: int) -> set[int]:
        """Returns the layers before a position whose outputs are inputs of layers after it."""
        layer_of = {id(output): i for i, output in enumerate(self._outputs[:position])}
        inputs_after = (id(tensor) for inputs in self._inputs[position:] for tensor in inputs)
        return {layer_of[tensor] for tensor in inputs_after if tensor in layer_of}

    def _end_of_backbone(self, unfreeze: str) -> int:
        if FEATURES not in self._names:
            raise KerasclfError(
                f"unfreeze: {self.network.name} is not a backbone with a new head. Expected 'all', 'lastN' or "
                f"'from:LAYER'. Received: {unfreeze!r}."
            )
        return self._names.index(FEATURES)

    def _feature_maps_end(self) -> int:
        """Returns the position after the last layer of the backbone. Without a new head, it ends with its maps."""
        if FEATURES in self._names:
            return self._names.index(FEATURES)
        return 1 + max((position for position, output in enumerate(self._outputs) if _area(output)), default=-1)

    def _last_convolutions(self, count: int) -> int:
        convolutions = [i for i, layer in enumerate(self._steps) if isinstance(layer, CONVOLUTIONS)]
        if not 1 <= count <= len(convolutions):
            number = len(convolutions)
            expected = f"Expected 'last1' to 'last{number}'" if number else "Expected 'all' or 'from:LAYER'"
            raise KerasclfError(
                f"unfreeze: {self.network.name} has {number} convolutional layers. {expected}. Received: 'last{count}'."
            )
        return convolutions[-count]

    def _stage(self, number: int) -> int:
        self._end_of_backbone(f"stage{number}")
        stages = stages_of(self._names)
        if number not in stages.values():
            known = ", ".join(f"stage{n}" for n in sorted(set(stages.values()))) or "none in the names of its layers"
            raise KerasclfError(
                f"unfreeze: {self.network.name} has no stage {number}. Stages: {known}. "
                "Use 'from:LAYER' or 'lastN' for any other position."
            )
        return min(self._names.index(name) for name, stage in stages.items() if stage == number)

    def _last_stage(self) -> int:
        """Returns the position of the first layer of the last stage: of the block that halves the maps a last time.

        Networks number their stages differently, and some only their blocks. The size of their maps is common to all.
        """
        end = self._end_of_backbone("last_stage")
        areas = [_area(output) for output in self._outputs[:end]]
        with_weights = [i for i, step in enumerate(self._steps[:end]) if getattr(step, "weights", ()) and areas[i]]
        if not with_weights:
            raise KerasclfError(
                f"unfreeze: {self.network.name} has no feature maps, and so no last stage. Expected 'head', 'all' or "
                "'from:LAYER'. Received: 'last_stage'."
            )
        final = areas[with_weights[-1]]
        larger = max((i for i, area in enumerate(areas[: with_weights[-1]]) if area > final), default=-1)
        first = min(i for i in with_weights if i > larger)
        # The maps may shrink inside a block, after layers of this block that belong to the stage, too.
        stage = stages_of(self._names).get(self._names[first])
        return first if stage is None else self._stage(stage)

    def _layer(self, name: str) -> int:
        if name not in self._names:
            raise KerasclfError(
                f"unfreeze: {self.network.name} has no layer {name!r}.{did_you_mean(name, self._names)} "
                f"`kerasclf models {self.network.name}` lists its layers."
            )
        return self._names.index(name)


def _area(output: keras.KerasTensor | list[keras.KerasTensor]) -> int:
    """Returns the number of positions of a feature map; 0 for anything else."""
    shape: tuple[int, ...] = getattr(output, "shape", ())
    return int(shape[1] * shape[2]) if len(shape) == 4 and None not in shape[1:3] else 0


def _inputs(step: keras.Operation) -> list[keras.KerasTensor]:
    if isinstance(step, keras.layers.InputLayer):
        return []
    return list(step.input) if isinstance(step.input, list | tuple) else [step.input]
