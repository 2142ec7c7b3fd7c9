"""The named data sets: their sizes, classes, files and checksums (those of TFDS)."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of a named data set.

    Args:
        name: its name, in TFDS too.
        image_shape: (height, width, channels) of an example.
        class_names: names of the classes, in the order of the labels.
        counts: examples in each split.
        url: folder that holds `files`.
        files: sha256 of each file of the original, by name.
    """

    name: str
    image_shape: tuple
    class_names: tuple
    counts: dict
    url: str
    files: dict


_IDX_COUNTS = {"train": 60_000, "test": 10_000}

DATASETS = {
    entry.name: entry
    for entry in [
        Entry(
            "mnist",
            (28, 28, 1),
            tuple("0123456789"),
            _IDX_COUNTS,
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            {
                "train-images-idx3-ubyte.gz": (
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
                ),
                "train-labels-idx1-ubyte.gz": (
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
                ),
                "t10k-images-idx3-ubyte.gz": (
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
                ),
            },
        ),
        Entry(
            "fashion_mnist",
            (28, 28, 1),
            (
                *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
                *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            ),
            _IDX_COUNTS,
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            {
                "train-images-idx3-ubyte.gz": (
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
                ),
                "train-labels-idx1-ubyte.gz": (
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
                ),
                "t10k-images-idx3-ubyte.gz": (
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
                ),
            },
        ),
        Entry(
            "cifar10",
            (32, 32, 3),
            (
                *("airplane", "automobile", "bird", "cat", "deer"),
                *("dog", "frog", "horse", "ship", "truck"),
            ),
            {"train": 50_000, "test": 10_000},
            "https://www.cs.toronto.edu/~kriz/",
            {
                "cifar-10-binary.tar.gz": (
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
                ),
            },
        ),
    ]
}
SPLITS = ("train", "test")
