"""CycleGAN between horses and zebras: Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks, Zhu et al. 2017, https://arxiv.org/abs/1703.10593

Command: python recipes/cyclegan_horse2zebra.py --data_dir=horse2zebra
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Data: a folder with trainA/ and testA/ (horses), trainB/ and testB/ (zebras); without the flag
    $KERASGAN_DATA/horse2zebra, or else TFDS's cycle_gan/horse2zebra.
Learning rate: constant for half of the epochs, then falling linearly to zero, as in the paper; so
    raise --epochs of a run, if at all, before its second half.
The paper's setting, on one GPU (not tried here; about 1.9 TFLOP an update by the convolutions'
    arithmetic, so 200 epochs of the paper's 1,334 pictures, 267,000 updates, take some 14 hours at
    10 TFLOP a second; of 250 pictures a domain, 50,000 updates, some 3 hours):
    python recipes/cyclegan_horse2zebra.py --data_dir=horse2zebra --image_size=256 --width=64
Time: --epochs=8, 250 pictures a domain (2,000 updates): 60 to 65 minutes, at 1.2 to 2 s an update,
    on one of two busy cores of an x86-64 server CPU.
Score: that run, seed 0, 120 and 140 test pictures, recipes/evaluate_translation.py (extractor
    EfficientNet-Lite0, ImageNet weights): horses to zebras Frechet 240 (untranslated 211, real
    zebras 62), cycle error 0.167; zebras to horses 261 (211, 101), 0.190. That is 0.75 %
    of the paper's updates: stripes begin, under a checkerboard, and by Frechet the pictures are
    worse than before.
"""

from absl import flags

from kerasgan import callbacks, data, models, optimizers, runs
from kerasgan.models import cyclegan
from kerasgan.networks import patch
from kerasgan.schedules import ConstantThenLinear

EPOCHS = 200  # the paper's; --epochs overrides
RATE = 2e-4
MADE_UP = {"folders": ["trainA", "trainB", "testA", "testB"], "number": 4}  # for --smoke

runs.define_flags("cyclegan_horse2zebra", batch_size=1, source=None, checkpoint_steps=1000)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder with trainA/ and so on: see above")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Pixels, a multiple of 4; paper: 256", 32)
BLOCKS = flags.DEFINE_integer("blocks", None, "Residual blocks (6; from 256 px on 9)", 1)
WIDTH = flags.DEFINE_integer("width", 32, "Filters next to the image; paper: 64", 1)


def main():
    """Trains, translates test pictures, exports."""
    run = runs.start("cyclegan_horse2zebra")
    images, test_images = read_data(run)
    shape, width = (IMAGE_SIZE.value, IMAGE_SIZE.value, 3), WIDTH.value
    networks = {
        name: cyclegan.build_generator(shape, width, BLOCKS.value, name=name)
        for name in ("generator_a_to_b", "generator_b_to_a")
    }
    networks |= {
        name: patch.build_patch_discriminator(shape, width=width, name=name)
        for name in ("discriminator_a", "discriminator_b")
    }
    model = models.CycleGAN(image_shape=shape, seed=run.seed, **networks)
    epochs, steps = run.epochs or EPOCHS, int(images.cardinality())
    constant = epochs // 2 * steps
    rate = ConstantThenLinear(RATE, constant, epochs * steps - constant)
    model.compile(
        discriminator_optimizer=optimizers.Adam(rate, beta_1=0.5),
        generator_optimizer=optimizers.Adam(rate, beta_1=0.5),
        jit_compile=run.jit_compile,
    )
    sheet = callbacks.ContactSheet(run.workdir / "samples", test_images)
    run.train(model, images, EPOCHS * steps, grid=sheet)
    run.export(model)


def read_data(run):
    """Training pictures, and those of the contact sheet."""
    folder = DATA_DIR.value or data.find_folder("horse2zebra")
    if not folder and run.smoke:
        folder = data.made_up_pictures(**MADE_UP)
    folder = folder or "tfds:cycle_gan/horse2zebra"
    train_a, train_b, test_a, test_b = (f"{folder}/{name}" for name in MADE_UP["folders"])
    size = IMAGE_SIZE.value
    try:
        return (
            data.unpaired_images(train_a, train_b, run.batch_size, size, shuffle_seed=run.seed),
            data.unpaired_images(test_a, test_b, 1, size, False, False, shuffle_seed=None),
        )
    except FileNotFoundError as error:
        raise runs.RunError(
            "Give --data_dir, a folder with trainA/, trainB/, testA/ and testB/; --smoke needs "
            f"none. There is none at $KERASGAN_DATA/horse2zebra either, and {error}"
        ) from error


if __name__ == "__main__":
    runs.launch(main)
