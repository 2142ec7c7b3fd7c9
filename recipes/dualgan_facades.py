"""DualGAN between label maps and photos of facades, without pairs: DualGAN: Unsupervised Dual
Learning for Image-to-Image Translation, Yi et al. 2017, https://arxiv.org/abs/1704.02510

Command: python recipes/dualgan_facades.py --data_dir=facades
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Data: those of pix2pix_facades.py, with the pairs broken up: a batch of n is made of 2n pairs, whose
    first half gives its label maps (A) and whose second half its photos (B). So no pair is ever
    together in a step. The contact sheet shows test pairs whole: beside each translation stands
    what it should be like.
The paper's setting, on one GPU (its time: not measured):
    python recipes/dualgan_facades.py --data_dir=facades --image_size=256 --width=64
Time: not measured yet.
Score: not measured yet.
"""

from absl import flags

from kerasgan import callbacks, data, models, runs
from kerasgan.networks import patch, unet

EPOCHS = 200  # each picture is seen in every other one; --epochs overrides
MADE_UP = {"folders": ["train", "test"], "number": 8, "shape": (40, 80)}  # for --smoke

runs.define_flags("dualgan_facades", batch_size=1, source=None, checkpoint_steps=1000)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder with train/ and test/: see above")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Pixels, a power of two from 32; paper: 256")
WIDTH = flags.DEFINE_integer("width", 32, "Filters next to the image; paper: 64", 1)


def main():
    """Trains, translates test pictures, exports."""
    run = runs.start("dualgan_facades")
    folder, half = find_data(run), run.batch_size
    reading = {"image_size": IMAGE_SIZE.value, "inputs": "right"}
    pairs = data.paired_images(folder, 2 * half, shuffle_seed=run.seed, split="train", **reading)
    unpaired = pairs.map(lambda maps, photos: (maps[:half], photos[half:]))
    test_pairs = data.paired_images(
        folder, 1, jitter=False, flip=False, shuffle_seed=None, split="test", **reading
    )
    shape, width = (IMAGE_SIZE.value, IMAGE_SIZE.value, 3), WIDTH.value
    networks = {
        name: unet.build_unet(shape, width=width, name=name)
        for name in ("generator_a_to_b", "generator_b_to_a")
    }
    networks |= {
        name: patch.build_patch_discriminator(shape, width=width, name=name)
        for name in ("critic_a", "critic_b")
    }
    model = models.DualGAN(image_shape=shape, seed=run.seed, **networks)
    model.compile(jit_compile=run.jit_compile)
    updates = EPOCHS * int(unpaired.cardinality()) // model.batches_per_step
    sheet = callbacks.ContactSheet(run.workdir / "samples", test_pairs)
    run.train(model, unpaired, updates, grid=sheet)
    run.export(model)


def find_data(run):
    """The folder that holds train/ and test/."""
    folder = DATA_DIR.value or data.find_folder("facades_pix2pix")
    if not folder and run.smoke:
        folder = data.made_up_pictures(**MADE_UP)
    if not folder:
        raise runs.RunError(
            "Give --data_dir, a folder with train/ and test/ of facades (photo left, label map "
            "right), or put it at $KERASGAN_DATA/facades_pix2pix; --smoke needs none. "
            "Received: --data_dir=None"
        )
    return folder


if __name__ == "__main__":
    runs.launch(main)
