"""What a model's own second network says of images: how real they look to it."""

import tensorflow as tf

from kerasgan.models import latents as latent_draws


def realness(space, images, labels=None):
    """How real each image looks to the model's discriminator or critic, higher for more real.

    The logit of a discriminator, the score of a critic (a mean over patches, if there are several);
    of an autoencoder as in BEGAN, minus the mean absolute error of its reconstruction.

    Args:
        space: `Space` of a model (not of an export).
        images: tensor (n, H, W, C) in [-1, 1].
        labels: (n,) int32, of a conditional model.

    Returns:
        Tensor (n,), float32; gradients go through it.

    Raises:
        ValueError: a model without such a network.

    Example:
        >>> from kerasgan import latent, models
        >>> space = latent.Space(models.GAN(image_shape=(8, 8, 1), latent_dim=4, seed=0))
        >>> realness(space, tf.zeros((3, 8, 8, 1))).shape
        TensorShape([3])
    """
    names = [name for name in ("discriminator", "critic") if hasattr(space.model, name)]
    if not names:
        raise ValueError(
            "This needs the discriminator or critic of a model loaded from its .keras file. "
            f"Received: model={type(space.model).__name__}, which has neither"
        )
    network = getattr(space.model, names[0])
    output = network([images, labels] if len(network.inputs) > 1 else images, training=False)
    output = tf.cast(output, tf.float32)
    if output.shape[1:] == images.shape[1:]:
        output = -tf.abs(output - images)
    return tf.reduce_mean(tf.reshape(output, [tf.shape(output)[0], -1]), axis=1)


def realness_of(space, images, labels=None):
    """`realness` of an array of images, a chunk at a time: array (n,).

    Raises:
        ValueError: images of another shape or range; bad labels; no discriminator.
    """
    images = space.checked_images(images)
    arrays = [images]
    if space.num_classes is not None:
        arrays.append(space.checked_labels(labels, len(images)))
    return latent_draws.in_chunks(lambda *inputs: realness(space, *inputs), *arrays)
