"""How many modes does each objective reach? The ring of 8 and the grid of 25 Gaussians of
PacGAN, Lin et al. 2018, section 4.1, https://arxiv.org/abs/1712.04086

Protocol, as there: standard deviations 0.01 (ring) and 0.05 (grid), 100,000 training points, 2,500
samples. A sample is of high quality within 3 standard deviations of the nearest centre; a mode
counts if a sample of high quality is nearest to it; KL is the reverse one, sum of
p_g log(p_g / uniform) over the shares p_g of the modes among the samples of high quality. 98.9 % of
the data are of high quality: 1 - exp(-9/2). 30,000 updates of the generator.
Spread, which is not PacGAN's: the samples of high quality have this share of the data's standard
deviation around their centres (the data 0.97); a generator whose modes are too narrow can't hide
behind its share of high quality.

Unlike there: one pair of small perceptrons for all objectives, Adam with a rate that falls to zero
(the same for all, but for WGAN and WGAN-GP, which fail with it), and samples from an average of
the generator. The critics of WGAN, WGAN-GP and SNGAN are updated 5
times for each update of the generator, as in their papers.

Which settings were chosen on which seed: all constants below on seed 100, none on seeds 0 to 4.

Command: python recipes/ring_and_grid.py
    (the same command again goes on where it stopped; --smoke takes seconds; --help: all flags)
    python recipes/ring_and_grid.py --objectives=best --seeds=0,1,2,3,4
    Two processes, --datasets=ring and --datasets=grid, may share a workdir.
Makes: <workdir>/<dataset>.jsonl and .md (the table), <dataset>.png (a scatter plot for each
    row), points/ (the samples).
Time: 70 to 80 s a row on one core of an x86-64 server CPU with AVX-512 (R1 and R2: 120 to 190 s;
    WGAN, WGAN-GP and SNGAN 4 to 21 minutes), beside other processes.
Score: non_saturating_r1_r2, seeds 0 to 4: ring 8 modes on all, high quality 98.2 % (least 98.0 %),
    KL 0.022; grid 25 modes on all, high quality 97.1 % (least 96.1 %), KL 0.007.
    relativistic_r1_r2: 98.5 % (98.1 %), 0.030; 96.4 % (94.8 %), 0.007. The other rows, seed 0:
    README.md and recipes/tables/.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from keras import layers

from kerasgan import callbacks, data, files, losses, models, optimizers, plots, runs, tables
from kerasgan.layers import SpectralDense
from kerasgan.metrics import mode_coverage

LATENT_DIM = 2
UNITS = 128
GENERATOR = ("relu",) * 4  # its layers' activations
DISCRIMINATOR = ("leaky_relu",) * 3
BATCH = 125  # 800 to a pass, so that the critics' groups of 5 come out even
RATE = {"wgan": 2e-4, "wgan_gp": 1e-3}  # of Adam, at the start; all others:
USUAL_RATE = 2e-3
GAMMA = {"ring": 0.002, "grid": 0.02}  # weight of R1 and R2, where there are any
CLIP = 0.01  # WGAN's
LAMBDA = 10.0  # WGAN-GP's
SAMPLES = 2_500
EPOCH = 500  # updates between two looks at the losses

CENTERS = {"ring": data.ring_centers(), "grid": data.grid_centers()}
STD = {"ring": 0.01, "grid": 0.05}
SCALE = {"ring": 1.0, "grid": 4.0}  # of the centres: the networks work on points in [-1, 1]

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the tables (runs/ring_and_grid)")
SMOKE = flags.DEFINE_bool("smoke", False, "Go the whole way in seconds, without learning much")
DATASETS = flags.DEFINE_list("datasets", ["ring", "grid"], "Of: ring, grid")
OBJECTIVES = flags.DEFINE_list("objectives", ["all"], "all, best, or names of the table's rows")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Of initial weights, points and random draws")
UPDATES = flags.DEFINE_integer("updates", 30_000, "Of the generator", 1)
THREADS = flags.DEFINE_integer("threads", 1, "Of each process; 0: as many as there are cores", 0)


def gan(loss, penalized=False):
    """Builder of a GAN with that loss."""

    def build(dataset, **networks):
        gamma = GAMMA[dataset] if penalized else 0.0
        return models.GAN(loss=loss, r1_weight=gamma, r2_weight=gamma, **networks)

    return build


def critic_model(family, **arguments):
    """Builder of a family whose second network is a critic."""

    def build(dataset, discriminator, **networks):
        return family(critic=discriminator, **arguments, **networks)

    return build


def sngan(dataset, discriminator, **networks):
    """SNGAN, whose discriminator has spectral norms."""
    return models.SNGAN(discriminator=discriminator_of(dataset, SpectralDense), **networks)


BUILDERS = {
    "minimax": gan("minimax"),
    "non_saturating": gan("non_saturating"),
    "least_squares": gan("least_squares"),
    "least_squares_pearson": gan(losses.LeastSquares(a=-1.0, b=1.0, c=0.0)),
    "hinge": gan("hinge"),
    "relativistic": gan("relativistic"),
    "relativistic_average": gan("relativistic_average"),
    "wgan": critic_model(models.WGAN, clip=CLIP),
    "wgan_gp": critic_model(models.WGANGP, gradient_penalty_weight=LAMBDA),
    "sngan": sngan,
    "non_saturating_r1_r2": gan("non_saturating", penalized=True),
    "relativistic_r1_r2": gan("relativistic", penalized=True),
}
BEST = "non_saturating_r1_r2"
COLUMNS = {
    "objective": "objective",
    "seed": "seed",
    "modes": "modes",
    "high_quality": "high quality",
    "kl": "KL",
    "spread": "spread",
    "updates": "updates",
    "seconds": "seconds",
}


def main():
    """Fills the tables of the datasets asked for, row by row."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS.value)
    objectives, seeds = chosen_objectives(), chosen_seeds()
    if set(DATASETS.value) - set(CENTERS):
        raise runs.RunError(f"--datasets takes ring and grid. Received: {DATASETS.value}")
    folder = WORKDIR.value or f"runs/ring_and_grid{'-smoke' if SMOKE.value else ''}"
    workdir = files.writable_directory("workdir", folder)
    files.writable_directory("workdir", workdir / "points")
    updates = 20 if SMOKE.value else UPDATES.value
    for dataset in DATASETS.value:
        table = tables.Table(workdir / f"{dataset}.jsonl")
        for seed in seeds:
            for objective in objectives:
                key = {"objective": objective, "seed": seed, "updates": updates}
                if not table.find(**key):
                    print(f"kerasgan: {dataset}, {objective}, seed {seed}", flush=True)
                    points, seconds = train(dataset, **key)
                    np.save(points_file(workdir, dataset, key), points)
                    table.add({**key, **score(dataset, points), "seconds": seconds})
                    print(f"  {table.rows[-1]}", flush=True)
                    show(workdir, dataset, table)
        show(workdir, dataset, table)
        print(f"\n{dataset}\n{(workdir / f'{dataset}.md').read_text()}")
    print(f"kerasgan: tables and pictures: {workdir}")


def chosen_objectives():
    """Names of the rows asked for."""
    names = {"all": list(BUILDERS), "best": [BEST]}.get(OBJECTIVES.value[0], OBJECTIVES.value)
    unknown = [name for name in names if name not in BUILDERS]
    if unknown:
        raise runs.RunError(
            f"--objectives takes all, best, or some of: {', '.join(BUILDERS)}. Received: {unknown}"
        )
    return ["non_saturating", BEST] if SMOKE.value else names


def chosen_seeds():
    """The seeds as numbers."""
    try:
        return [int(seed) for seed in SEEDS.value]
    except ValueError as error:
        raise runs.RunError(f"--seeds takes whole numbers. Received: {SEEDS.value}") from error


# Training ---------------------------------------------------------------------------------


def train(dataset, objective, seed, updates):
    """Trains one model: (2,500 points that it makes, seconds of training)."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = BUILDERS[objective](
        dataset,
        image_shape=(2,),
        latent_dim=LATENT_DIM,
        generator=generator_of(dataset),
        discriminator=discriminator_of(dataset),
        seed=seed,
    )
    critic_updates = updates * model.batches_per_step
    model.compile(
        **{
            f"{player}_optimizer": optimizer(
                RATE.get(objective, USUAL_RATE),
                updates if player == "generator" else critic_updates,
            )
            for player in model.players()
        },
        steps_per_execution=min(updates, 50),
        jit_compile=not SMOKE.value,
    )
    points = getattr(data, dataset)(batch_size=BATCH, seed=seed)
    steps = min(updates, EPOCH)
    began = time.perf_counter()
    model.fit(
        points,
        epochs=-(-updates // steps),
        steps_per_epoch=steps,
        callbacks=[callbacks.NaNGuard()],
        verbose=0,
    )
    seconds = round(time.perf_counter() - began, 1)
    return model.generate(SAMPLES, seed=seed), seconds


def generator_of(dataset):
    """A perceptron: latents -> points."""
    latents = keras.Input((LATENT_DIM,))
    points = hidden_layers(latents, GENERATOR, layers.Dense, outputs=2)
    return keras.Model(latents, layers.Rescaling(SCALE[dataset])(points), name="generator")


def discriminator_of(dataset, dense=layers.Dense):
    """A perceptron: points -> logits (or scores)."""
    points = keras.Input((2,))
    logits = hidden_layers(layers.Rescaling(1.0 / SCALE[dataset])(points), DISCRIMINATOR, dense, 1)
    return keras.Model(points, logits, name="discriminator")


def hidden_layers(x, activations, dense, outputs):
    """Dense layers, their first weights drawn as He et al. 2015 do, and a last one."""
    for activation in activations:
        x = layers.Activation(activation)(dense(UNITS, kernel_initializer="he_normal")(x))
    return dense(outputs)(x)


def optimizer(rate, updates):
    """Adam without momentum, its rate falling to zero along a cosine."""
    rate = keras.optimizers.schedules.CosineDecay(rate, updates)
    return optimizers.Adam(rate, beta_1=0.0, beta_2=0.99)


# Measuring and showing --------------------------------------------------------------------


def score(dataset, points):
    """What the protocol asks of 2,500 points; nothing but zeros where a model has diverged."""
    scores = {"modes": 0, "high_quality": 0.0, "kl": None, "spread": None}
    if np.isfinite(points).all():
        coverage = mode_coverage.point_mode_coverage(points, CENTERS[dataset], STD[dataset])
        scores |= {name: coverage[name] for name in ("modes", "high_quality")}
    if scores["modes"]:
        distances = np.linalg.norm(points[:, None] - CENTERS[dataset], axis=-1).min(axis=1)
        near = distances[distances <= 3 * STD[dataset]]
        spread = np.sqrt(np.mean(near**2) / 2) / STD[dataset]
        scores |= {"kl": coverage["kl"], "spread": float(spread)}
    return scores


def points_file(workdir, dataset, row):
    """Where a row's points are kept."""
    name = "".join(c if c.isalnum() else "_" for c in row["objective"])
    return workdir / "points" / f"{dataset}-{name}-seed{row['seed']}-{row['updates']}.npy"


def show(workdir, dataset, table):
    """Writes the table as Markdown and all its rows' points as one picture."""
    text = table.markdown(COLUMNS) + "\n\n" + summary(table)
    with files.replacing(workdir / f"{dataset}.md") as temporary:
        temporary.write_text(text)
    draw(workdir, dataset, table.rows)


def summary(table):
    """A line for each objective that was trained from several seeds."""
    lines = []
    for objective, updates in dict.fromkeys((r["objective"], r["updates"]) for r in table.rows):
        rows = [r for r in table.rows if (r["objective"], r["updates"]) == (objective, updates)]
        if len(rows) > 1:
            modes, quality = ([row[name] for row in rows] for name in ("modes", "high_quality"))
            lines.append(
                f"{objective}, {len(rows)} runs of {updates} updates: modes {np.mean(modes):.1f} "
                f"(least {min(modes)}), high quality {np.mean(quality):.2%} (least "
                f"{min(quality):.2%})\n"
            )
    return "".join(lines)


def draw(workdir, dataset, rows):
    """One scatter plot per row, first of all one of the data."""
    real = next(iter(getattr(data, dataset)(batch_size=SAMPLES, seed=1))).numpy()
    panels = [("data", real)]
    for row in rows:
        title = f"{row['objective']}, seed {row['seed']}\n"
        title += f"{row['modes']} modes, {row['high_quality']:.1%}"
        if points_file(workdir, dataset, row).exists():  # not those of a table from elsewhere
            panels.append((title, np.load(points_file(workdir, dataset, row))))
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = plots.subplots(
        lines, columns, figsize=(3 * columns, 3.2 * lines), squeeze=False, layout="constrained"
    )
    limit = 1.35 * SCALE[dataset]
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (title, points) in zip(axes.flat, panels):
        axis.set_axis_on()
        axis.scatter(*points.T, s=2, alpha=0.3, color="black")
        axis.scatter(*CENTERS[dataset].T, s=60, facecolors="none", edgecolors="tab:orange")
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
        axis.set_title(title, fontsize=8)
    plots.save(figure, workdir / f"{dataset}.png")


if __name__ == "__main__":
    runs.launch(main)
