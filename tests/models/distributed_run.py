"""Run by test_distribution.py in processes of its own: trains under a strategy, prints a JSON."""

import importlib
import json
import os
import sys

import keras
import tensorflow as tf

mode, family, directory = sys.argv[1:4]
policy = sys.argv[4] if len(sys.argv) > 4 else "float32"
if mode == "mirrored":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
elif mode == "workers":
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
else:
    strategy = tf.distribute.get_strategy()

from tests.models import test_gan  # noqa: E402 (the strategy comes first)

keras.mixed_precision.set_dtype_policy(policy)
keras.utils.set_random_seed(3)
with strategy.scope():
    if family == "constant":  # no randomness reaches its discriminator
        contract = test_gan.TestGAN()
        makes, judges = test_gan.constant_networks(0.5)
        model = test_gan.GAN(test_gan.SHAPE, 4, generator=makes, discriminator=judges, seed=0)
        model.compile(
            generator_optimizer=keras.optimizers.SGD(0.0),
            discriminator_optimizer=keras.optimizers.SGD(0.5),
        )
    else:
        module = importlib.import_module(f"tests.models.test_{family.lower()}")
        contract = getattr(module, f"Test{family}")()
        model = contract.make_model(seed=0)

arrays = contract.make_arrays(24)
dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(4)
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
history = model.fit(dataset.with_options(options), epochs=2, verbose=0).history

worker = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {}).get("index", 0)
path = os.path.join(directory, f"{mode}-{family}-{worker}.keras")
model.save(path)
copies = [v for name in model.averaged for v in getattr(model, f"ema_{name}").variables]
report = {
    "history": history,
    "steps": int(model.step_counter.numpy()),
    "iterations": [int(o.iterations.numpy()) for o in model.optimizers.values()],
    "weights": [
        float(keras.ops.convert_to_numpy(v).astype("float64").sum())
        for v in [*model.trainable_variables, *copies]
    ],
    "pooled": int(model.pool_a.filled.numpy()) if family == "CycleGAN" else 0,
    "path": path,
}
print("REPORT" + json.dumps(report))
