"""DiscoGAN between two folders of pictures: Learning to Discover Cross-Domain Relations with
Generative Adversarial Networks, Kim et al. 2017, https://arxiv.org/abs/1703.05192

Command: python recipes/discogan_folders.py --domain_a=shoes --domain_b=bags
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Data: two folders, or <set>/<domain> of a set that build_data.py has made. The contact sheet shows
    --test_a and --test_b, or, without them, training pictures.
The paper's setting, on one GPU (its time: not measured): --width=64
Time: not measured yet.
Score: not measured yet.
"""

from absl import flags

from kerasgan import callbacks, data, models, runs
from kerasgan.models import discogan

UPDATES = 20_000  # of the discriminators; twice as many of the generators; --epochs overrides
MADE_UP = {"folders": ["a", "b"], "number": 48}  # for --smoke

runs.define_flags("discogan_folders", batch_size=64, source=None, checkpoint_steps=500)
DOMAIN_A = flags.DEFINE_string("domain_a", None, "A folder, or <set>/<domain> of build_data")
DOMAIN_B = flags.DEFINE_string("domain_b", None, "As --domain_a")
TEST_A = flags.DEFINE_string("test_a", None, "Pictures of A for the contact sheet")
TEST_B = flags.DEFINE_string("test_b", None, "Pictures of B for the contact sheet")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 64, "Pixels, a multiple of 16; paper: 64", 16)
WIDTH = flags.DEFINE_integer("width", 32, "Filters next to the image; paper: 64", 1)


def main():
    """Trains, translates, exports."""
    run = runs.start("discogan_folders")
    images, shown = read_data(run)
    shape, width = (IMAGE_SIZE.value, IMAGE_SIZE.value, 3), WIDTH.value
    networks = {
        name: discogan.build_generator(shape, width, name)
        for name in ("generator_a_to_b", "generator_b_to_a")
    }
    networks |= {
        name: discogan.build_discriminator(shape, width, name)
        for name in ("discriminator_a", "discriminator_b")
    }
    model = models.DiscoGAN(image_shape=shape, seed=run.seed, **networks)
    model.compile(jit_compile=run.jit_compile)
    sheet = callbacks.ContactSheet(run.workdir / "samples", shown)
    run.train(model, images, UPDATES, grid=sheet)
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
    size = IMAGE_SIZE.value  # neither jitter nor mirror images, as in the authors' program
    images = data.unpaired_images(a, b, run.batch_size, size, False, False, run.seed)
    if not test_a:
        return images, images
    return images, data.unpaired_images(test_a, test_b, 1, size, False, False, shuffle_seed=None)


if __name__ == "__main__":
    runs.launch(main)
