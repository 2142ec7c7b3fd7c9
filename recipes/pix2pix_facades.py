"""pix2pix from label maps to photos of facades: Image-to-Image Translation with Conditional
Adversarial Networks, Isola et al. 2017, https://arxiv.org/abs/1611.07004

Command: python recipes/pix2pix_facades.py --data_dir=facades
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Data: a folder with train/ and test/, whose pictures hold the photo in their left half and the label
    map in their right one; without the flag $KERASGAN_DATA/facades_pix2pix. Or two such folders,
    --data_dir=maps,photos, of inputs and of targets with equal file names.
The paper's setting, on one GPU (not tried here; the authors name less than two hours on a Titan X):
    python recipes/pix2pix_facades.py --data_dir=facades --image_size=256 --width=64
Time: 140 ms an update at 128 px on one core of an x86-64 server CPU with AVX-512.
Score: --epochs=40 (16,000 updates, 37 minutes of one core; a fifth of the paper's epochs), seed 0,
    the 106 test pictures, recipes/evaluate_translation.py: L1 0.333, PSNR 13.4 dB; the mean photo
    0.336, 13.8; the photo of the nearest training map 0.439, 11.1. Frechet distance by
    EfficientNet-Lite0 (ImageNet weights, 1,280 features; 106 samples, so biased): 163; mean photo
    329; nearest 89; other training photos 75. So it beats the mean photo, but not real photos of
    other houses. Windows, doors and cornices are where the map has them, with a grid-like texture.
"""

from absl import flags

from kerasgan import callbacks, data, models, runs
from kerasgan.networks import patch, unet

EPOCHS = 200  # the paper's; --epochs overrides
MADE_UP = {"folders": ["train", "test"], "number": 4, "shape": (40, 80)}  # for --smoke

runs.define_flags("pix2pix_facades", batch_size=1, source=None, checkpoint_steps=1000)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder(s) with train/ and test/: see above")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 128, "Pixels, a power of two from 32; paper: 256")
WIDTH = flags.DEFINE_integer("width", 32, "Filters next to the image; paper: 64", 1)


def main():
    """Trains, translates test pictures, exports."""
    run = runs.start("pix2pix_facades")
    folder = find_data(run)
    inputs = "left" if isinstance(folder, tuple) else "right"  # of two folders: the first
    reading = {"image_size": IMAGE_SIZE.value, "inputs": inputs}
    pairs = data.paired_images(
        folder, run.batch_size, shuffle_seed=run.seed, split="train", **reading
    )
    test_pairs = data.paired_images(
        folder, 1, jitter=False, flip=False, shuffle_seed=None, split="test", **reading
    )
    shape = (IMAGE_SIZE.value, IMAGE_SIZE.value, 3)
    model = models.Pix2Pix(
        shape,
        generator=unet.build_unet(shape, width=WIDTH.value),
        discriminator=patch.build_patch_discriminator(shape, shape, WIDTH.value),
        seed=run.seed,
    )
    model.compile(jit_compile=run.jit_compile)
    updates = EPOCHS * int(pairs.cardinality())
    sheet = callbacks.ContactSheet(run.workdir / "samples", test_pairs)
    run.train(model, pairs, updates, grid=sheet)
    run.export(model)


def find_data(run):
    """The folder that holds train/ and test/, or two: inputs and targets."""
    folder = DATA_DIR.value or data.find_folder("facades_pix2pix")
    if not folder and run.smoke:
        folder = data.made_up_pictures(**MADE_UP)
    if not folder:
        raise runs.RunError(
            "Give --data_dir, a folder with train/ and test/ of facades (photo left, label map "
            "right), or put it at $KERASGAN_DATA/facades_pix2pix; --smoke needs none. "
            "Received: --data_dir=None"
        )
    return tuple(folder.split(",")) if "," in (DATA_DIR.value or "") else folder


if __name__ == "__main__":
    runs.launch(main)
