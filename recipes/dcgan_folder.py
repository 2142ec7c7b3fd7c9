"""DCGAN on a folder of pictures: Unsupervised Representation Learning with Deep
Convolutional GANs, Radford et al. 2016, https://arxiv.org/abs/1511.06434

Command: python recipes/dcgan_folder.py --data_dir=pictures/ --workdir=runs/pictures
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Time: 1.3 s an update at 64 px on 2 cores of an x86-64 server CPU with AVX-512, so 7 hours in full.
Score: not measured; only --smoke has been run.
"""

from absl import flags

from kerasgan import data, models, runs

UPDATES = 20_000  # of each network; --epochs overrides

runs.define_flags("dcgan_folder", batch_size=64, source=None)
DATA_DIR = flags.DEFINE_string("data_dir", None, "The folder, searched with its sub-folders")
IMAGE_SIZE = flags.DEFINE_integer("image_size", 64, "Pixels: 28, or a power of two from 8")
CHANNELS = flags.DEFINE_integer("channels", 3, "1 (grey), 3 (RGB) or 4 (RGBA)")
LOSS = flags.DEFINE_string("loss", "non_saturating", "Name of a loss in kerasgan.losses")
flags.mark_flag_as_required("data_dir")


def main():
    """Trains, samples, exports."""
    run = runs.start("dcgan_folder")
    size, channels = IMAGE_SIZE.value, CHANNELS.value
    dataset = data.image_folder(
        DATA_DIR.value,
        batch_size=run.batch_size,
        image_size=size,
        channels=channels,
        shuffle_seed=run.seed,
        labels=None,
    )
    model = models.DCGAN(image_shape=(size, size, channels), loss=LOSS.value, seed=run.seed)
    model.compile(jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


if __name__ == "__main__":
    runs.launch(main)
