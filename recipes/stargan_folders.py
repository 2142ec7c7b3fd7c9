"""StarGAN among several domains of pictures: StarGAN: Unified Generative Adversarial Networks for
Multi-Domain Image-to-Image Translation, Choi et al. 2018, https://arxiv.org/abs/1711.09020

Commands:
    python recipes/stargan_folders.py --data_dir=expressions
    python recipes/stargan_folders.py --data_dir=img_align_celeba --table=list_attr_celeba.txt \\
        --attributes=Black_Hair,Blond_Hair,Brown_Hair,Male,Young --crop=178
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Data: a folder with a sub-folder for each domain, or a set that build_data.py has made; or a folder
    of pictures with --table, a CSV file of attributes or CelebA's own list, and --attributes, the
    columns wanted. The contact sheet shows pictures of --test_dir (with --test_table), or, without
    it, training pictures: the picture, then as each domain, or with each attribute turned round.
Learning rate: constant for half of the epochs, then falling linearly to zero, as in the paper; so
    raise --epochs of a run, if at all, before its second half.
The paper's setting, on one GPU (its time: not measured): --width=64
Time: not measured yet.
Score: not measured yet.
"""

from absl import flags

from kerasgan import callbacks, data, models, optimizers, runs
from kerasgan.models import stargan
from kerasgan.schedules import ConstantThenLinear

EPOCHS, TABLE_EPOCHS = 200, 20  # the paper's for RaFD and for CelebA; --epochs overrides
RATE = 1e-4
MADE_UP = {"folders": ["day", "dusk", "night"], "number": 30}  # for --smoke

runs.define_flags("stargan_folders", batch_size=16, source=None, checkpoint_steps=500)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the pictures: see above")
TABLE = flags.DEFINE_string("table", None, "Table of attributes")
ATTRIBUTES = flags.DEFINE_list("attributes", None, "Columns of the table")
TEST_DIR = flags.DEFINE_string("test_dir", None, "As --data_dir, for the contact sheet")
TEST_TABLE = flags.DEFINE_string("test_table", None, "As --table, for --test_dir")
CROP = flags.DEFINE_integer("crop", None, "Pixels of the middle square that is cut out first", 1)
CRITIC_STEPS = flags.DEFINE_integer("critic_steps", 5, "Critic updates a step; paper: 5", 1)
IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Pixels, a multiple of 4; paper: 128", 16)
WIDTH = flags.DEFINE_integer("width", 32, "Filters next to the image; paper: 64", 1)


def main():
    """Trains, translates, exports."""
    run = runs.start("stargan_folders")
    check_flags(run)
    folder = DATA_DIR.value or data.made_up_pictures(**MADE_UP)
    images = read(folder, TABLE.value, run, run.batch_size, flip=True)
    shown = images
    if TEST_DIR.value:
        shown = read(TEST_DIR.value, TEST_TABLE.value, run, 1, flip=False)
    facts = data.describe(images)
    domains = len(ATTRIBUTES.value) if ATTRIBUTES.value else facts["num_classes"]
    shape = (IMAGE_SIZE.value, IMAGE_SIZE.value, 3)
    model = models.StarGAN(
        domains,
        exclusive=not ATTRIBUTES.value,
        image_shape=shape,
        critic_steps=CRITIC_STEPS.value,
        generator=stargan.build_generator(domains, shape, WIDTH.value),
        critic=stargan.build_critic(domains, shape, WIDTH.value),
        seed=run.seed,
    )
    usual = TABLE_EPOCHS if TABLE.value else EPOCHS
    epochs, steps = run.epochs or usual, int(images.cardinality()) // model.batches_per_step
    constant, falling = epochs // 2 * steps, max(1, (epochs - epochs // 2) * steps)
    critic_rate, rate = (
        ConstantThenLinear(RATE, updates * constant, updates * falling)
        for updates in (model.critic_steps, 1)
    )
    model.compile(
        critic_optimizer=optimizers.Adam(critic_rate, 0.5, 0.999),
        generator_optimizer=optimizers.Adam(rate, 0.5, 0.999),
        jit_compile=run.jit_compile,
    )
    sheet = callbacks.ContactSheet(run.workdir / "samples", shown)
    run.train(model, images, usual * steps, grid=sheet)
    run.export(model)


def check_flags(run):
    """Refuses flags that don't go together."""
    if not DATA_DIR.value and not run.smoke:
        raise runs.RunError(
            "Give --data_dir, a folder with a sub-folder for each domain, or one of pictures with "
            "--table and --attributes; --smoke needs none. Received: --data_dir=None"
        )
    if bool(TABLE.value) != bool(ATTRIBUTES.value) or (TABLE.value and not DATA_DIR.value):
        raise runs.RunError(
            "Give --data_dir, --table and --attributes together. Received: --data_dir="
            f"{DATA_DIR.value}, --table={TABLE.value}, --attributes={ATTRIBUTES.value}"
        )
    if bool(TEST_TABLE.value) != bool(TEST_DIR.value and TABLE.value):
        raise runs.RunError(
            "Give --test_table with --test_dir where there is a --table, and only there. Received: "
            f"--test_dir={TEST_DIR.value}, --test_table={TEST_TABLE.value}, --table={TABLE.value}"
        )


def read(folder, table, run, batch_size, flip):
    """Dataset of (images, labels), in an order of its own in each epoch."""
    arguments = {
        "batch_size": batch_size,
        "image_size": IMAGE_SIZE.value,
        "flip": flip,
        "shuffle_seed": run.seed,
        "crop": CROP.value or "center",
    }
    if table:
        return data.attribute_images(folder, table, ATTRIBUTES.value, **arguments)
    return data.domain_images(folder, **arguments)


if __name__ == "__main__":
    runs.launch(main)
