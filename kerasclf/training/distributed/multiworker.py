"""One training on several worker processes or machines: TensorFlow's strategy, with what Keras 3 needs mended.

Keras 3.15 fails under MultiWorkerMirroredStrategy for two small reasons. It builds optimizer and metrics from a batch
that is still divided (`build_for_replicas` builds them before). And it reduces the metrics of a step with
`reduce("MEAN", value, axis=0)`, although they are scalars without an axis.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.machine.cluster import Cluster, joined
from kerasclf.pipeline.shares import WHOLE, Share
from kerasclf.transfer.shared_extraction import ALONE, Workers

# The words in Keras' source that make `WorkersStrategy.reduce` necessary.
_FAULT = 'strategy.reduce("MEAN", v, axis=0)'


class WorkersStrategy(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]
    """MultiWorkerMirroredStrategy with which Keras 3 trains. Every worker has one device."""

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """Reduces values of all workers. Scalars have no axis, whichever Keras gives."""
        values = self.experimental_local_results(value)
        if axis is not None and all(getattr(one, "shape", None) == () for one in values):
            axis = None
        return super().reduce(reduce_op, value, axis)

    def experimental_distribute_dataset(self, dataset: tf.data.Dataset, options: Any = None) -> Any:
        """Takes the batches of this worker as they are: `training_batches` has divided them already."""
        return self.distribute_datasets_from_function(lambda context: dataset, options)


@functools.cache
def multi_worker_strategy(workers: Cluster) -> WorkersStrategy:
    """Returns the strategy over some workers. All of them must call it, before anything else is computed.

    Args:
        workers: The workers, and which of them this process is.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        check_gpus(workers)
        hosts = [workers.place(index)[0] for index in range(workers.index + 1)]
        tf.config.set_visible_devices(gpus[hosts[:-1].count(hosts[-1])], "GPU")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(workers.addresses)}),
        task_type="worker",
        task_id=workers.index,
        rpc_layer="grpc",
        num_accelerators={"GPU": min(len(gpus), 1)},
    )
    return WorkersStrategy(cluster_resolver=resolver)


def check_gpus(workers: Cluster) -> None:
    """Checks that each worker of this host has a GPU of its own, if there are any.

    Args:
        workers: The workers, and which of them this process is.

    Raises:
        KerasclfError: If there are fewer GPUs than workers.
    """
    hosts = [workers.place(index)[0] for index in range(len(workers.addresses))]
    here, gpus = hosts.count(hosts[workers.index]), len(tf.config.list_physical_devices("GPU"))
    if 0 < gpus < here:
        raise KerasclfError(
            f"strategy: expected a GPU for each of the {here} workers of this host. Received: {gpus}. Start fewer "
            "workers, or set CUDA_VISIBLE_DEVICES to nothing to train on the CPU."
        )


def share_of(strategy: tf.distribute.Strategy) -> Share:
    """Returns the share of each batch that this process reads under a strategy."""
    workers = joined()
    if workers is None or not isinstance(strategy, WorkersStrategy):
        return WHOLE
    return Share(workers.index, len(workers.addresses))


def extraction_workers(strategy: tf.distribute.Strategy) -> Workers:
    """Returns the workers that extract activations together under a strategy."""
    share = share_of(strategy)
    if share == WHOLE:
        return ALONE
    gather = _gathering(strategy)

    def exchange(own: NDArray[np.float32]) -> NDArray[np.float32]:
        (found,) = strategy.experimental_local_results(gather(tf.constant(own)))
        return found.numpy().reshape(share.workers, len(own))  # type: ignore[no-any-return]

    return Workers(share.index, share.workers, exchange)


@functools.cache
def _gathering(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], Any]:
    """Returns a function from a vector of each worker to those of all, one after the other."""

    def gather(own: tf.Tensor) -> tf.Tensor:
        # The copy is on the device of this worker, where its argument need not be.
        return tf.distribute.get_replica_context().all_gather(tf.identity(own), axis=0)

    signature = [tf.TensorSpec([None], tf.float32)]
    return tf.function(lambda own: strategy.run(gather, (own,)), input_signature=signature, autograph=False)


def note_mended_keras(log: Log) -> None:
    """Says so if Keras no longer has the fault that `WorkersStrategy.reduce` mends."""
    from keras.src.backend.tensorflow import trainer

    if _FAULT not in inspect.getsource(trainer.reduce_per_replica):
        log(
            f"Keras {keras.__version__} reduces the metrics of workers in another way than 3.15. "
            "kerasclf/training/distributed/multiworker.py may no longer be needed."
        )
