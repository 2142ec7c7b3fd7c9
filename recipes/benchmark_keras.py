"""TensorFlow's side of recipes/benchmark.py, which starts this program: steps of kerasgan's models,
the same steps written by hand as keras.io's examples are, and matrix products.

By hand: a `keras.Model` with a `train_step` of its own, of the same networks (Keras' own layers in
place of kerasgan's) and Keras' Adam, two tapes, BinaryCrossentropy on logits, fakes made anew for
the generator's update, means of two losses. Its passes are those of kerasgan;
recipes/benchmark_torch.py lists them. keras.io's CycleGAN shares the fakes between the two updates,
which saves two of eight translations; by hand it doesn't here. What kerasgan does beyond: the
moving average of the generator, CycleGAN's pool of earlier fakes, draws that resume, a mean of
every term.
"""

import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from kerasgan import layers, models

STOCK = ("Adam", "BatchNormalization", "Conv2D", "Conv2DTranspose", "Dropout")  # Keras has them too
_CONTRACTIONS = {"MatMul", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"}


def main():
    """Builds what the task (a JSON object) describes; then `n` calls for each line `n`."""
    task = json.loads(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(task["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(task["threads"])
    if task["count"]:
        say(counted(task))
        return
    step = product_step(task) if task["kind"] == "product" else train_step(task)
    for _ in range(task["warm_up"]):
        step()  # traces and compiles
    say({})
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1e3)
        on_gpu = task["device"] == "gpu"
        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"] if on_gpu else None
        say({"ms": times, "device_bytes": peak})


def say(answer):
    """A line for benchmark.py."""
    print("BENCHMARK", json.dumps(answer), flush=True)


def build(task):
    """(model, one element of its data) of a task."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(task["policy"])
    arguments = {"num_classes": 10} if task["family"] == "CGAN" else {}
    arguments = {"num_domains": 4} if task["family"] == "StarGAN" else arguments
    arguments |= {"image_shape": tuple(task["image_shape"]), "seed": 0}
    arguments |= {"reuse_fakes": True} if task["kind"] == "kerasgan reusing fakes" else {}
    family = getattr(models, task["family"])
    model = family(**arguments)
    # Operations are counted of stock layers: the zeros that kerasgan's Conv2D adds aren't work.
    if stock := STOCK if task["count"] else stock_of(task):
        found = {name: getattr(model, name, None) for name in model.get_config()}
        networks = {name: n for name, n in found.items() if isinstance(n, keras.Model)}
        model = family(**arguments, **{n: with_stock_layers(networks[n], stock) for n in networks})
    batch = [array(spec, task["batch_size"]) for spec in model.data_spec()]
    element = tuple(batch) if len(batch) > 1 else batch[0]
    if model.batches_per_step > 1:
        element = (element,) * model.batches_per_step
    if task["kind"] == "by hand":
        model = BY_HAND[task["family"]](model)
    return model, element


def array(spec, size):
    """A batch that fits a model's `ArraySpec`."""
    if spec.num_classes:
        return np.arange(size, dtype="int32") % spec.num_classes
    return np.random.default_rng(0).uniform(-1, 1, (size, *spec.shape)).astype("float32")


def train_step(task):
    """A function that runs one step, or several in one execution, as `fit` does."""
    model, element = build(task)
    if task["kind"] != "by hand":
        adams = stock_optimizers(model) if "Adam" in stock_of(task) else {}
        model.compile(**{"jit_compile": task["device"] == "gpu", **task["compile"], **adams})
    model.make_train_function()
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread would run while others are timed
    iterator = iter(tf.data.Dataset.from_tensors(element).repeat().with_options(options))

    def step():
        return {name: float(value) for name, value in model.train_function(iterator).items()}

    return step


def stock_of(task):
    """Names of the parts that are to be Keras' own."""
    return STOCK if task["stock"] == "all" else task["stock"].split()


def stock_optimizers(model):
    """Keras' Adams with the settings of the model's."""
    return {
        f"{player}_optimizer": keras.optimizers.Adam.from_config(optimizer.get_config())
        for player, optimizer in model.optimizers.items()
    }


def product_step(task):
    """A function that multiplies two square matrices."""
    shape = [task["size"], task["size"]]
    matrix = tf.cast(tf.random.normal(shape), task["dtype"])
    return lambda: float(tf.linalg.matmul(matrix, matrix)[0, 0])


# Counting -----------------------------------------------------------------------------------


def counted(task):
    """Trained parameters, real images and floating-point operations of one step."""
    model, element = build(task)
    networks = [n for part in networks_of(model) for n in part]
    parameters = {id(v): int(np.prod(v.shape)) for n in networks for v in n.trainable_variables}
    return {
        "parameters": sum(parameters.values()),
        "images": task["batch_size"] * getattr(model, "batches_per_step", 1),
        "flops": step_flops(model.train_step, element),
    }


def networks_of(model):
    """The networks of each player."""
    return model.players().values() if hasattr(model, "players") else model.networks


def step_flops(step, element):
    """Floating-point operations in matrix products and convolutions of `step(element)`, forward
    and back: 2 for each multiplication with its addition, borders as if they were inside.

    They are read off the graph as it is executed: what neither a result nor an assignment needs
    doesn't count. Elementwise operations, normalisations and optimizers aren't counted.
    """
    signature = tf.nest.map_structure(lambda a: tf.TensorSpec(a.shape, a.dtype), element)
    graph = tf.function(step, autograph=False).get_concrete_function(signature).graph
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    found = {}
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return sum(operation_flops(operation) for operation in found.values())


def operation_flops(operation):
    """Floating-point operations of one operation of a graph."""
    if operation.type not in _CONTRACTIONS:
        return 0
    inputs = [tensor.shape for tensor in operation.inputs]
    output = operation.outputs[0].shape
    if operation.type == "MatMul":
        inner = inputs[0][0 if operation.get_attr("transpose_a") else 1]
        return 2 * output.num_elements() * inner
    if operation.type == "Conv2D":
        kernel, small = inputs[1], output
    elif operation.type == "Conv2DBackpropInput":
        kernel, small = inputs[1], inputs[2]
    else:
        kernel, small = output, inputs[2]
    return 2 * small.num_elements() * kernel.num_elements() // kernel[3]


# The steps by hand --------------------------------------------------------------------------


class HandWritten(keras.Model):
    """What the examples share: networks, two optimizers, two means."""

    def __init__(self, generators, discriminators, *adam):
        super().__init__()
        self.networks = [
            [with_stock_layers(n) for n in part] for part in (generators, discriminators)
        ]
        self.compile()
        self.g_optimizer, self.d_optimizer = (keras.optimizers.Adam(*adam) for _ in range(2))
        self.g_optimizer.build(self.variables_of(0))
        self.d_optimizer.build(self.variables_of(1))
        self.g_mean, self.d_mean = keras.metrics.Mean("g_loss"), keras.metrics.Mean("d_loss")
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    @property
    def metrics(self):
        """The two means."""
        return [self.g_mean, self.d_mean]

    def variables_of(self, part):
        """Trainable variables of the generators (0) or discriminators (1)."""
        return [v for network in self.networks[part] for v in network.trainable_variables]

    def learn(self, part, tape, loss):
        """One update."""
        optimizer = (self.g_optimizer, self.d_optimizer)[part]
        variables = self.variables_of(part)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        (self.g_mean, self.d_mean)[part].update_state(loss)

    def logs(self):
        """The means' results."""
        return {"d_loss": self.d_mean.result(), "g_loss": self.g_mean.result()}


class HandWrittenGAN(HandWritten):
    """The GAN's step, with labels for both networks if there are any."""

    def __init__(self, model):
        super().__init__([model.generator], [model.discriminator], 2e-4, 0.5)
        self.latent_dim = model.latent_dim

    def train_step(self, data):
        """An update of the discriminator, then one of the generator."""
        (generator,), (discriminator,) = self.networks
        images, *labels = data if isinstance(data, tuple) else (data,)
        size = tf.shape(images)[0]
        latents = tf.random.normal([size, self.latent_dim])
        fakes = generator(together(latents, labels), training=True)
        with tf.GradientTape() as tape:
            real_logits = discriminator(together(images, labels), training=True)
            fake_logits = discriminator(together(fakes, labels), training=True)
            loss = self.loss_fn(tf.ones_like(real_logits), real_logits)
            loss += self.loss_fn(tf.zeros_like(fake_logits), fake_logits)
        self.learn(1, tape, loss)
        latents = tf.random.normal([size, self.latent_dim])
        with tf.GradientTape() as tape:
            fakes = generator(together(latents, labels), training=True)
            fake_logits = discriminator(together(fakes, labels), training=True)
            loss = self.loss_fn(tf.ones_like(fake_logits), fake_logits)
        self.learn(0, tape, loss)
        return self.logs()


class HandWrittenWGANGP(HandWritten):
    """WGAN-GP's step."""

    def __init__(self, model):
        super().__init__([model.generator], [model.critic], 1e-4, 0.0, 0.9)
        self.latent_dim, self.batches_per_step = model.latent_dim, model.batches_per_step

    def train_step(self, data):
        """An update of the critic for each batch, then one of the generator."""
        (generator,), (critic,) = self.networks
        for images in data:
            size = tf.shape(images)[0]
            fakes = generator(tf.random.normal([size, self.latent_dim]), training=True)
            with tf.GradientTape() as tape:
                fake_scores = critic(fakes, training=True)
                real_scores = critic(images, training=True)
                loss = tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores)
                loss += 10.0 * self.gradient_penalty(critic, images, fakes)
            self.learn(1, tape, loss)
        with tf.GradientTape() as tape:
            fakes = generator(tf.random.normal([size, self.latent_dim]), training=True)
            loss = -tf.reduce_mean(critic(fakes, training=True))
        self.learn(0, tape, loss)
        return self.logs()

    def gradient_penalty(self, critic, images, fakes):
        """On lines from real images to fakes."""
        mixed = images + tf.random.uniform([tf.shape(images)[0], 1, 1, 1]) * (fakes - images)
        with tf.GradientTape() as tape:
            tape.watch(mixed)
            scores = critic(mixed, training=True)
        gradients = tape.gradient(scores, mixed)
        norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))
        return tf.reduce_mean(tf.square(norms - 1.0))


class HandWrittenCycleGAN(HandWritten):
    """CycleGAN's step, without its pool."""

    def __init__(self, model):
        generators = [model.generator_a_to_b, model.generator_b_to_a]
        super().__init__(generators, [model.discriminator_a, model.discriminator_b], 2e-4, 0.5)
        self.squared = keras.losses.MeanSquaredError()
        self.absolute = keras.losses.MeanAbsoluteError()

    def train_step(self, data):
        """An update of the generators, then one of the discriminators."""
        (a_to_b, b_to_a), (discriminator_a, discriminator_b) = self.networks
        images_a, images_b = data
        with tf.GradientTape() as tape:
            fake_b, fake_a = a_to_b(images_a, training=True), b_to_a(images_b, training=True)
            back_a, back_b = b_to_a(fake_b, training=True), a_to_b(fake_a, training=True)
            same_a, same_b = b_to_a(images_a, training=True), a_to_b(images_b, training=True)
            loss = 10.0 * (self.absolute(images_a, back_a) + self.absolute(images_b, back_b))
            loss += 5.0 * (self.absolute(images_a, same_a) + self.absolute(images_b, same_b))
            for discriminator, fakes in ((discriminator_a, fake_a), (discriminator_b, fake_b)):
                logits = discriminator(fakes, training=True)
                loss += self.squared(tf.ones_like(logits), logits)
        self.learn(0, tape, loss)
        fake_b, fake_a = a_to_b(images_a, training=True), b_to_a(images_b, training=True)
        with tf.GradientTape() as tape:
            loss = 0.0
            for discriminator, images, fakes in (
                (discriminator_a, images_a, fake_a),
                (discriminator_b, images_b, fake_b),
            ):
                real = discriminator(images, training=True)
                fake = discriminator(fakes, training=True)
                loss += 0.5 * self.squared(tf.ones_like(real), real)
                loss += 0.5 * self.squared(tf.zeros_like(fake), fake)
        self.learn(1, tape, loss)
        return self.logs()


def together(x, labels):
    """What a network takes."""
    return [x, *labels] if labels else x


def with_stock_layers(network, names=STOCK):
    """The network anew, with Keras' own layers in place of kerasgan's of these names."""

    def stock(layer):
        name = type(layer).__name__
        if name not in names or type(layer) is not getattr(layers, name, None):
            return type(layer).from_config(layer.get_config())
        if name == "Dropout":
            return keras.layers.Dropout(layer.rate)
        return getattr(keras.layers, name).from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=stock)


BY_HAND = {
    "GAN": HandWrittenGAN,
    "DCGAN": HandWrittenGAN,
    "CGAN": HandWrittenGAN,
    "WGANGP": HandWrittenWGANGP,
    "CycleGAN": HandWrittenCycleGAN,
}

if __name__ == "__main__":
    main()
