"""CycleGAN between two folders of faces, men and women, say: Unpaired Image-to-Image Translation
using Cycle-Consistent Adversarial Networks, Zhu et al. 2017, https://arxiv.org/abs/1703.10593

Commands: the first makes a set out of two folders, and lists pictures that are damaged or too
small; the second trains on it.
    python recipes/build_data.py --inputs=men=/path/men,women=/path/women --output=/path/set
    python recipes/cyclegan_faces.py --domain_a=/path/set/men --domain_b=/path/set/women
    (the same command again goes on; --smoke takes seconds; --help shows all flags)
Data: <set>/<domain>, or folders of pictures as they are. The contact sheet shows --test_a and
    --test_b, or, without them, training pictures.
Learning rate: constant for half of the epochs, then falling linearly to zero, as in the paper; so
    raise --epochs of a run, if at all, before its second half.
The paper's setting, on one GPU (its time: not measured): --image_size=256 --width=64
Time: not measured yet.
Score: not measured yet.
"""

from absl import flags

from kerasgan import callbacks, data, models, optimizers, runs
from kerasgan.models import cyclegan
from kerasgan.networks import patch
from kerasgan.schedules import ConstantThenLinear

EPOCHS = 200  # the paper's; --epochs overrides
RATE = 2e-4
MADE_UP = {"folders": ["a", "b"], "number": 4}  # for --smoke

runs.define_flags("cyclegan_faces", batch_size=1, source=None, checkpoint_steps=1000)
DOMAIN_A = flags.DEFINE_string("domain_a", None, "A folder, or <set>/<domain> of build_data")
DOMAIN_B = flags.DEFINE_string("domain_b", None, "As --domain_a")
TEST_A = flags.DEFINE_string("test_a", None, "Pictures of A for the contact sheet")
TEST_B = flags.DEFINE_string("test_b", None, "Pictures of B for the contact sheet")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Pixels, a multiple of 4; paper: 256", 32)
BLOCKS = flags.DEFINE_integer("blocks", None, "Residual blocks (6; from 256 px on 9)", 1)
WIDTH = flags.DEFINE_integer("width", 32, "Filters next to the image; paper: 64", 1)


def main():
    """Trains, translates, exports."""
    run = runs.start("cyclegan_faces")
    images, shown = read_data(run)
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
    sheet = callbacks.ContactSheet(run.workdir / "samples", shown)
    run.train(model, images, EPOCHS * steps, grid=sheet)
    run.export(model)


def read_data(run):
    """Training pictures, and those of the contact sheet."""
    a, b, test_a, test_b = DOMAIN_A.value, DOMAIN_B.value, TEST_A.value, TEST_B.value
    if bool(a) != bool(b) or not (a or run.smoke):
        raise runs.RunError(
            "Give --domain_a and --domain_b, two folders of pictures or domains of a set that "
            f"build_data.py has made; --smoke needs none. Received: --domain_a={a}, --domain_b={b}"
        )
    if bool(test_a) != bool(test_b):
        raise runs.RunError(
            f"Give --test_a and --test_b, or neither. Received: --test_a={test_a}, "
            f"--test_b={test_b}"
        )
    if not a:
        folder = data.made_up_pictures(**MADE_UP)
        a, b = folder / "a", folder / "b"
    size = IMAGE_SIZE.value
    images = data.unpaired_images(a, b, run.batch_size, size, shuffle_seed=run.seed)
    if not test_a:
        return images, images
    return images, data.unpaired_images(test_a, test_b, 1, size, False, False, shuffle_seed=None)


if __name__ == "__main__":
    runs.launch(main)
