"""Writes the list of networks for `kerasclf models`: python -m kerasclf.models.explaining.write_list.

It builds every network once to count its parameters, which takes a minute.
"""

import keras

from kerasclf.models.catalogue import CATALOGUE
from kerasclf.models.explaining.entries import entry, families
from kerasclf.network_list import NetworkList, write_list

if __name__ == "__main__":
    entries = []
    for name, builder in CATALOGUE.items():
        trainable = sum(int(keras.ops.size(weight)) for weight in builder().trainable_weights)
        entries.append(entry(name, trainable))
        keras.backend.clear_session()
    write_list(NetworkList(families(), entries))
