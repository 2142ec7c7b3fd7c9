"""A program: the streaming Frechet distance under two replicas; prints what came of it."""

import json

import keras
import numpy as np
import tensorflow as tf

from kerasgan import metrics


def main():
    """Eight images of three pixels, two on each replica at a time."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    network = keras.Sequential([keras.Input((1, 3, 1)), keras.layers.Flatten()])
    extractor = metrics.from_model(network, name="pixels")
    real = (np.arange(24.0).reshape(8, 1, 3, 1) ** 2 % 17 / 17).astype("float32")
    fake = real[::-1] ** 2
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        metric = metrics.FrechetDistance(extractor)
        try:
            refusal = str(metrics.PrecisionRecall(extractor))
        except ValueError as error:
            refusal = str(error)
    data = tf.data.Dataset.from_tensor_slices((real, fake)).batch(4)

    @tf.function
    def update(batch):
        strategy.run(metric.update_state, args=batch)

    for batch in strategy.experimental_distribute_dataset(data):
        update(batch)
    protocol = metric.protocol()
    counts = [protocol["n_real"], protocol["n_fake"]]
    print(json.dumps({"frechet": metric.result(), "counts": counts, "refusal": refusal}))


if __name__ == "__main__":
    main()
