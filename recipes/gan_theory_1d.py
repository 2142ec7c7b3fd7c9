"""The theory of GANs, seen: a generator learns a normal distribution on the line.
Generative Adversarial Nets, Goodfellow et al. 2014, section 4, https://arxiv.org/abs/1406.2661

The picture is the paper's figure 1: the data's density (black, dotted), the generator's (green)
and the discriminator's decision curve D (blue, dashed), in four frames: before training; with D
trained and G as it was; on the way; at the end. To it are added:

- the best discriminator of proposition 1, D* = p_data / (p_data + p_g), beside a D that was
  trained to the end against the generator of that moment, which stands still meanwhile;
- the value of the game, V(D*, G) = 2 JS(p_data, p_g) - 2 log 2 of theorem 1, which ends at
  -log 4 with D = 1/2, as p_g = p_data.

Nothing is estimated from samples but the networks' training: the data's density is known, and
the generator's follows from pushing the latents' through it. "Gap" is the largest |D - D*| where
there is mass: p_data + p_g above 5 % of its peak.

Command: python recipes/gan_theory_1d.py
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Makes: <workdir>/frames.png and theory.json (the numbers and the curves).
Time: 44 s of CPU time, 7.6 minutes beside much other work, on 2 cores of an x86-64 server CPU.
Result, seed 0, one run (JS in nats; "trained": a new D, trained against the G of that moment):

                          before training    100 updates    6,000 updates
    mean, deviation of p_g     0.00, 1.00     1.62, 0.83       2.50, 0.61    (data: 2.50, 0.60)
    JS                             0.5436         0.1749           0.0009
    2 JS - 2 log 2                -0.2992        -1.0365          -1.3844    (-log 4 = -1.3863)
    V(D*, G)                      -0.2991        -1.0365          -1.3844
    V(trained D, G)               -0.2993        -1.0372          -1.3849
    V(D, G), D of the GAN         -1.6926        -1.0572          -1.3845
    gap of the trained D            0.005          0.021            0.022
    gap of the GAN's D              0.631          0.193            0.017

    At the end the GAN's D lies between 0.43 and 0.58 where there is mass: D* does, too.
    (The first column's 1e-4 is the mass of p_g that lies off the grid.)
    How a D is trained to the end was chosen on this seed; no other was run.
"""

import json

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from keras import layers

from kerasgan import callbacks, files, models, optimizers, plots, runs, theory

MEAN, DEVIATION = 2.5, 0.6  # of the data; the generator starts at (0, 1)
GRID = np.arange(-4.0, 7.0, 0.02)  # middles of the cells on which densities are compared
DX = 0.02
MOMENTS = {"start": 0, "on the way": 1, "end": 60}  # epochs of 100 updates until each
MASS = 0.05  # of the peak of p_data + p_g: below, D is not compared

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run (runs/gan_theory_1d)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
SEED = flags.DEFINE_integer("seed", 0, "Of initial weights, points and random draws", 0)


def main():
    """Trains the GAN in stretches; after each, measures and keeps what theory speaks of."""
    folder = WORKDIR.value or ("runs/gan_theory_1d-smoke" if SMOKE.value else "runs/gan_theory_1d")
    workdir = files.writable_directory("workdir", folder)
    results = read_results(workdir / "theory.json")
    if results["moments"].keys() == MOMENTS.keys():
        print("kerasgan: this run is finished.")
    else:
        train(results, workdir)
    for moment, measured in results["moments"].items():
        print(f"\n{moment}:")
        for name, number in measured["numbers"].items():
            print(f"  {name:18} {number:9.4f}")
    draw(results["moments"], workdir / "frames.png")
    print(f"\nkerasgan: figure and numbers: {workdir / 'frames.png'}, {workdir / 'theory.json'}")


def train(results, workdir):
    """Trains up to each moment, and adds what is measured there to `results`."""
    steps, batch = (4, 32) if SMOKE.value else (100, 512)  # of an epoch
    keras.utils.set_random_seed(SEED.value)
    model = build_model(updates=steps * (2 if SMOKE.value else MOMENTS["end"]))
    points = np.random.default_rng(SEED.value).normal(MEAN, DEVIATION, (steps * batch, 1))
    dataset = tf.data.Dataset.from_tensor_slices(points.astype("float32")).batch(batch)
    checkpoint = callbacks.Checkpoint(workdir / "checkpoints")
    for moment, epochs in MOMENTS.items():
        if moment in results["moments"]:
            continue
        if epochs:  # from where the newest checkpoint stands
            epochs = min(epochs, 2) if SMOKE.value else epochs
            model.fit(dataset, epochs=epochs, callbacks=[checkpoint], verbose=0)
        print(f"kerasgan: measuring, {moment}", flush=True)
        results["moments"][moment] = measure(model)
        files.write_json(workdir / "theory.json", results)


def read_results(path):
    """What an earlier start of this run measured, if it was one with the same flags."""
    settings = {"smoke": SMOKE.value, "seed": SEED.value}
    if not path.exists():
        return {"settings": settings, "moments": {}}
    results = json.loads(path.read_text())
    if results["settings"] != settings:
        raise runs.RunError(
            f"The workdir is a run with other flags: {results['settings']}, now {settings}. Use "
            f"the same to resume it, or another --workdir. Received: {path.parent}"
        )
    return results


def build_model(updates):
    """A GAN on points of one dimension, with networks that are smooth functions."""
    latents = keras.Input((1,), name="latents")
    x = layers.Dense(16, activation="softplus")(latents)
    x = layers.Dense(1, kernel_initializer="zeros")(x)
    generator = keras.Model(latents, layers.Add()([latents, x]), name="generator")

    points = keras.Input((1,), name="points")
    x = layers.Dense(32, activation="tanh")(points)
    x = layers.Dense(32, activation="tanh")(x)
    discriminator = keras.Model(points, layers.Dense(1)(x), name="discriminator")

    model = models.GAN(
        image_shape=(1,),
        latent_dim=1,
        loss="non_saturating",
        generator=generator,
        discriminator=discriminator,
        seed=SEED.value,
    )
    # D runs ahead of G, as the theory wants it. The falling rates let both come to rest.
    model.compile(
        discriminator_optimizer=optimizers.Adam(falling(1e-2, updates), beta_1=0.5),
        generator_optimizer=optimizers.Adam(falling(1e-3, updates), beta_1=0.5),
    )
    return model


def falling(rate, updates):
    """A learning rate that falls to nothing over so many updates, along a cosine."""
    return keras.optimizers.schedules.CosineDecay(rate, updates)


# Measuring --------------------------------------------------------------------------------


def measure(model):
    """The curves on the grid, and the numbers that theory ties together."""
    p_data = np.exp(-0.5 * ((GRID - MEAN) / DEVIATION) ** 2) / (DEVIATION * np.sqrt(2 * np.pi))
    p_g = density(model.generator)
    best = theory.optimal_discriminator(p_data, p_g)
    curves = {
        "D": decision_curve(model.discriminator),
        "D trained": decision_curve(best_trained_discriminator(model)),
    }
    mass = p_data + p_g > MASS * (p_data + p_g).max()
    js = theory.js(p_data, p_g, DX)
    mean = np.sum(GRID * p_g) * DX
    numbers = {
        "mean of p_g": mean,
        "deviation of p_g": np.sqrt(np.sum((GRID - mean) ** 2 * p_g) * DX),
        "total variation": theory.total_variation(p_data, p_g, DX),
        "JS": js,
        "2 JS - 2 log 2": 2 * js - 2 * np.log(2),
        "V(D*, G)": theory.value_function(best, p_data, p_g, DX),
    }
    for name, curve in curves.items():
        numbers[f"V({name}, G)"] = theory.value_function(curve, p_data, p_g, DX)
        numbers[f"gap of {name}"] = np.abs(curve - best)[mass].max()
    curves.update({"p_data": p_data, "p_g": p_g, "D*": best})
    return {
        "numbers": {name: round(float(number), 6) for name, number in numbers.items()},
        "curves": {name: curve.round(6).tolist() for name, curve in curves.items()},
    }


def density(generator):
    """The density of G(z) on the grid, exact but for the finite steps in z.

    Each small interval of latents carries its mass to an interval of points, evenly; a cell's
    density is the mass below its right edge less that below its left edge.
    """
    z, dz = np.linspace(-6.0, 6.0, 6001, retstep=True)
    mass = np.exp(-0.5 * ((z[1:] + z[:-1]) / 2) ** 2) / np.sqrt(2 * np.pi) * dz
    ends = generator(z[:, None]).numpy()[:, 0].astype("float64")
    low, high = np.minimum(ends[1:], ends[:-1]), np.maximum(ends[1:], ends[:-1])
    width = np.maximum(high - low, 1e-12)
    edges = np.append(GRID - DX / 2, GRID[-1] + DX / 2)
    below = [np.sum(mass * np.clip((edge - low) / width, 0.0, 1.0)) for edge in edges]
    return np.diff(below) / DX


def decision_curve(discriminator):
    """D(x) on the grid: the sigmoid of the logits."""
    logits = discriminator(GRID[:, None]).numpy()[:, 0]
    return 1.0 / (1.0 + np.exp(-logits.astype("float64")))


def best_trained_discriminator(model):
    """A discriminator of the same shape, trained to the end as what it is: a classifier."""
    half, batch, epochs = (256, 64, 1) if SMOKE.value else (2**18, 1024, 8)
    keras.utils.set_random_seed(SEED.value + 1)
    rng = np.random.default_rng(SEED.value + 1)
    real = rng.normal(MEAN, DEVIATION, (half, 1))
    fake = model.generator(rng.normal(size=(half, 1))).numpy()
    discriminator = keras.models.clone_model(model.discriminator)  # with weights of its own
    discriminator.compile(
        optimizer=optimizers.Adam(falling(2e-2, epochs * 2 * half // batch)),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    points = np.concatenate([real, fake]).astype("float32")
    labels = np.repeat([1.0, 0.0], half).astype("float32")[:, None]
    discriminator.fit(points, labels, batch_size=batch, epochs=epochs, verbose=0)
    return discriminator


def draw(moments, path):
    """The four frames of the paper's figure."""
    frames = [
        ("(a) before training", "start", "D"),
        ("(b) D trained, G as it was", "start", "D trained"),
        ("(c) on the way", "on the way", "D"),
        ("(d) the end", "end", "D"),
    ]
    figure, axes = plots.subplots(1, 4, figsize=(16, 3.6), sharey=True, layout="constrained")
    for axis, (title, moment, d) in zip(axes, frames, strict=True):
        curves, numbers = moments[moment]["curves"], moments[moment]["numbers"]
        axis.plot(GRID, curves["p_data"], "k:", label="p_data")
        axis.plot(GRID, curves["p_g"], "g-", label="p_g")
        axis.plot(GRID, curves["D*"], color="orange", linewidth=3, alpha=0.5, label="D*")
        axis.plot(GRID, curves[d], "b--", label="D")
        axis.set_title(f"{title}\nV(D, G) = {numbers[f'V({d}, G)']:.3f}, JS = {numbers['JS']:.3f}")
        axis.set(xlabel="x", xlim=(-2.0, 5.5), ylim=(0.0, 1.25))
    axes[0].legend(loc="upper left", ncols=2)
    plots.save(figure, path)


if __name__ == "__main__":
    runs.launch(main)
