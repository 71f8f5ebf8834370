"""Writes the list of networks for `kerasclf models`: python -m kerasclf.models.explaining.write_list.

It builds every network once to look at its layers and parameters, which takes a minute.
"""

import keras

from kerasclf.models.catalogue import CATALOGUE
from kerasclf.models.explaining.entries import entry, families
from kerasclf.models.heads import HEAD_LAYERS
from kerasclf.models.stages import CONVOLUTIONS
from kerasclf.networks.network_list import NetworkList, write_list

if __name__ == "__main__":
    entries = []
    for name, builder in CATALOGUE.items():
        network = builder()
        trainable = sum(int(keras.ops.size(weight)) for weight in network.trainable_weights)
        convolutions = sum(
            isinstance(step, CONVOLUTIONS) and step.name not in HEAD_LAYERS for step in network.operations
        )
        batch_norm = any(isinstance(step, keras.layers.BatchNormalization) for step in network.operations)
        entries.append(entry(name, trainable, convolutions, batch_norm))
        keras.backend.clear_session()
    write_list(NetworkList(families(), entries))
