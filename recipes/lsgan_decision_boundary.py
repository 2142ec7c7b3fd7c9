"""Which fakes still learn: gradients at fakes beyond the decision boundary, on a plane.
Least Squares Generative Adversarial Networks, Mao et al. 2017, figure 1,
https://arxiv.org/abs/1611.04076

Real points lie around (1, 0), fakes around (-1, 0): the boundary is x = 0. A discriminator is
trained on both, by cross-entropy and by least squares (0-1 coding, and a = -1, b = 1, c = 0);
it is a linear function or a small perceptron. Then it stands still, and probes, fakes that a
generator might make, are put at each distance from the boundary: on the real side (> 0), so taken
for real yet far from the data, and on the wrong side (< 0). What moves a probe is the gradient of
its own generator loss with respect to the point.

Command: python recipes/lsgan_decision_boundary.py
    (--smoke takes seconds; --help shows all flags)
Makes: <workdir>/boundary.png, gradients.png and gradients.json.
Time: 21 s of CPU time, 140 s beside much other work, on 2 cores of an x86-64 server CPU.
Result, seed 0: norm of the gradient at a fake, 4 from the boundary on the real side (where the
    data end near 3), and which way a step goes:

                           minimax     non-saturating   least squares 0-1   -1, 1, 0
    linear D               4.1, away   3.2e-7, away     0.28, back          1.8, back
    perceptron             4.2, away   1.3e-7, away     1.1e-3, back        9.2e-2, back
    linear D, at 8         4.1, away   2.5e-14, away    0.73, back          3.6, back
    linear D, at -4        3.2e-7      4.1              0.62                1.8

    So the article's "almost none under cross-entropy" is the non-saturating loss. Minimax has its
    full gradient there, but one that drives fakes further away from the data; it vanishes on the
    wrong side. Least squares pulls back, the harder the further, to where D = c: among the data
    for the 0-1 coding (x = 1.5 for the linear D), onto the boundary itself for -1, 1, 0.
    A perceptron is nearly flat beyond the data: its gradient is far smaller than a linear D's
    (3.8e-6 at distance 2, 0-1 coding), and how it goes on depends on its extrapolation: at 6 and 8
    the 0-1 coding's, 1e-3, points away.
"""

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from keras import layers

from kerasgan import files, losses, optimizers, plots, runs

REAL_CENTRE, FAKE_CENTRE, DEVIATION = (1.0, 0.0), (-1.0, 0.0), 0.7
DISTANCES = [-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0]
HEIGHTS = np.linspace(-1.5, 1.5, 13)  # of the probes, along the boundary
OBJECTIVES = {
    "minimax": losses.Minimax(),
    "non_saturating": losses.NonSaturating(),
    "least_squares 0-1": losses.LeastSquares(a=0.0, b=1.0, c=1.0),
    "least_squares -1,1,0": losses.LeastSquares(a=-1.0, b=1.0, c=0.0),
}
NETWORKS = {"linear": (), "perceptron": (32, 32)}  # units of the hidden layers

WORKDIR = flags.DEFINE_string("workdir", "runs/lsgan_decision_boundary", "Folder of the results")
SMOKE = flags.DEFINE_bool("smoke", False, "Few updates on few points, to <workdir>-smoke")
SEED = flags.DEFINE_integer("seed", 0, "Of the points and the initial weights", 0)


def main():
    """Trains a discriminator for each network and objective, and measures; then draws."""
    workdir = files.writable_directory("workdir", WORKDIR.value + ("-smoke" if SMOKE.value else ""))
    rows, discriminators = [], {}
    for network, units in NETWORKS.items():
        for name, objective in OBJECTIVES.items():
            discriminator = train(build_discriminator(units), objective)
            discriminators[network, name] = discriminator
            rows += measure(network, name, discriminator, objective)
    for network in NETWORKS:
        show(network, rows)
    files.write_json(
        workdir / "gradients.json",
        {"settings": {"smoke": SMOKE.value, "seed": SEED.value}, "rows": rows},
    )
    draw_gradients(rows, workdir / "gradients.png")
    draw_boundaries(discriminators, workdir / "boundary.png")
    print(f"kerasgan: figures and numbers are in {workdir}")


def build_discriminator(units):
    """Points (batch, 2) -> outputs (batch, 1): a straight line or a small perceptron."""
    points = keras.Input((2,), name="points")
    x = points
    for width in units:
        x = layers.LeakyReLU(0.2)(layers.Dense(width)(x))
    return keras.Model(points, layers.Dense(1)(x), name="discriminator")


def cloud(centre, rng, n):
    """Points around a centre."""
    return rng.normal(centre, DEVIATION, (n, 2)).astype("float32")


def train(discriminator, objective):
    """Trains the discriminator by its side of the objective, on fresh points at each update."""
    updates, batch = (300, 128) if SMOKE.value else (2000, 512)
    rng = np.random.default_rng(SEED.value)
    rate = keras.optimizers.schedules.CosineDecay(5e-2, updates)
    optimizer = optimizers.Adam(rate)
    optimizer.build(discriminator.trainable_variables)

    @tf.function(reduce_retracing=True)
    def update(real, fake):
        with tf.GradientTape() as tape:
            terms = objective.discriminator(discriminator(real), discriminator(fake))
            loss = terms["real"] + terms["fake"]
        variables = discriminator.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)

    for _ in range(updates):
        update(cloud(REAL_CENTRE, rng, batch), cloud(FAKE_CENTRE, rng, batch))
    return discriminator


def gradients_at(points, discriminator, objective):
    """The gradient of each point's own generator loss with respect to the point."""
    points = tf.constant(points, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(points)
        # The loss is a mean over points; times their number, each point has its own.
        loss = objective.generator(discriminator(points)) * points.shape[0]
    return tape.gradient(loss, points).numpy()


def measure(network, name, discriminator, objective):
    """For each distance: the mean norm of the gradient, and where a step against it leads."""
    rows = []
    for distance in DISTANCES:
        probes = np.stack([np.full_like(HEIGHTS, distance), HEIGHTS], axis=1)
        gradients = gradients_at(probes, discriminator, objective)
        rows.append(
            {
                "network": network,
                "objective": name,
                "distance": distance,
                "output": float(np.mean(discriminator(probes))),
                "gradient_norm": float(np.linalg.norm(gradients, axis=1).mean()),
                "step_to_the_right": float(-gradients[:, 0].mean()),
            }
        )
    return rows


# Showing ----------------------------------------------------------------------------------


def show(network, rows):
    """Prints a network's table; an arrow says where the step leads: > is away to the right."""
    print(f"\n{network}: gradient norm at fakes, by distance from the boundary (real side: > 0)")
    print("distance  " + "  ".join(f"{name:>20}" for name in OBJECTIVES))
    for distance in DISTANCES:
        cells = []
        for name in OBJECTIVES:
            wanted = (network, name, distance)
            (row,) = [r for r in rows if (r["network"], r["objective"], r["distance"]) == wanted]
            arrow = ">" if row["step_to_the_right"] > 0 else "<"
            cells.append(f"{row['gradient_norm']:>18.2e} {arrow}")
        print(f"{distance:8.1f}  " + "  ".join(cells))


def draw_gradients(rows, path):
    """The gradient's norm over the distance, one panel for each network."""
    figure, axes = plots.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    for axis, network in zip(axes, NETWORKS, strict=True):
        for name in OBJECTIVES:
            of_name = [r for r in rows if (r["network"], r["objective"]) == (network, name)]
            norms = [row["gradient_norm"] for row in of_name]
            axis.semilogy(DISTANCES, norms, marker="o", label=name)
        axis.axvline(0.0, color="gray", linewidth=0.8)
        axis.set(title=network, xlabel="distance from the boundary (real side: > 0)")
    axes[0].set_ylabel("norm of the gradient at a fake")
    axes[0].legend()
    plots.save(figure, path)


def draw_boundaries(discriminators, path):
    """The plane: data, fakes, far fakes and the steps that their gradients would have them take."""
    rng = np.random.default_rng(SEED.value)
    real, fake = cloud(REAL_CENTRE, rng, 150), cloud(FAKE_CENTRE, rng, 150)
    far = np.stack(np.meshgrid([3.5, 5.0, 6.5], [-1.2, 0.0, 1.2]), axis=-1).reshape(-1, 2)
    xs, ys = np.meshgrid(np.linspace(-4, 10, 140), np.linspace(-3, 3, 60))
    plane = np.stack([xs, ys], axis=-1).reshape(-1, 2).astype("float32")
    figure, axes = plots.subplots(2, 4, figsize=(18, 6), sharex=True, sharey=True)
    figure.set_layout_engine("constrained")
    for axis, ((network, name), discriminator) in zip(
        axes.flat, discriminators.items(), strict=True
    ):
        objective = OBJECTIVES[name]
        outputs = np.reshape(discriminator(plane), xs.shape)
        labels = (
            (objective.a, objective.b) if isinstance(objective, losses.LeastSquares) else (0, 0)
        )
        level = sum(labels) / 2  # half-way between the labels; of logits, 0
        axis.contour(xs, ys, outputs, levels=[level], colors="red")
        axis.scatter(*real.T, s=4, color="tab:blue", label="real")
        axis.scatter(*fake.T, s=4, color="tab:gray", label="fake")
        axis.scatter(*far.T, s=18, color="magenta", label="fake, on the real side")
        steps = -gradients_at(far, discriminator, objective)
        axis.quiver(*far.T, *steps.T, angles="xy", scale_units="xy", scale=1.0, width=0.004)
        axis.set(title=f"{network}, {name}", xlim=(-4, 10), ylim=(-3, 3))
    axes[0, 0].legend(loc="lower left")
    plots.save(figure, path)


if __name__ == "__main__":
    runs.launch(main)
