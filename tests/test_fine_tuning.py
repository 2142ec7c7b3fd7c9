"""Trained weights on new ground: classes re-made, lower layers frozen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import fine_tuning
from kerasgan.models import CGAN, DCGAN, WGANGP, cgan, wgan
from kerasgan.networks import dcgan as networks

SHAPE = (8, 8, 1)


def tiny_cgan(paper=False):
    if paper:
        pair = (
            cgan.build_paper_generator(3, 4, SHAPE),
            cgan.build_paper_discriminator(3, SHAPE),
        )
    else:
        pair = cgan.build_generator(3, 4, SHAPE, width=4), cgan.build_discriminator(3, SHAPE, 4)
    return CGAN(3, SHAPE, 4, generator=pair[0], discriminator=pair[1], seed=0)


def tiny_dcgan():
    return DCGAN(
        SHAPE,
        4,
        generator=networks.build_generator(4, SHAPE, 4),
        discriminator=networks.build_discriminator(SHAPE, 4),
        seed=0,
    )


def data(classes=None):
    images = np.random.default_rng(0).uniform(-1, 1, (16, *SHAPE)).astype("float32")
    parts = images if classes is None else (images, np.arange(16) % classes)
    return tf.data.Dataset.from_tensor_slices(parts).batch(8)


@pytest.mark.parametrize("paper", [False, True])
def test_only_what_depends_on_the_number_of_classes_is_made_anew(paper):
    model = tiny_cgan(paper)
    model.fit(data(3), epochs=1, verbose=0)
    before = [w.numpy() for w in model.weights]
    made, fresh = fine_tuning.with_classes(model, 5)
    assert (made.num_classes, model.num_classes, int(made.step_counter)) == (5, 3, 0)
    kept = 0
    for name in ("generator", "discriminator", "ema_generator"):
        for old, new in zip(getattr(model, name).weights, getattr(made, name).weights, strict=True):
            # The label enters by an embedding, or by the kernel behind a one-hot code.
            if 3 in old.shape and 5 in new.shape and new.shape[0] == 5:
                assert new.shape[1:] == old.shape[1:]
                assert name.startswith("ema") or new.path in fresh
            else:
                np.testing.assert_array_equal(old, new)
                kept += 1
    assert len(fresh) == 2 and kept > 8
    for was, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(was, weight)
    made.fit(data(5), epochs=1, verbose=0)
    assert made.generate([4, 0], seed=0).shape == (2, *SHAPE)
    with pytest.raises(ValueError, match=r"\[0, 5\)"):
        made.generate([5])


def test_averages_of_what_was_kept_are_kept_apart_from_the_weights():
    """The EMA generator isn't a copy of the generator: it keeps its own values."""
    model = tiny_cgan()
    model.ema_generator.set_weights([w + 1.0 for w in model.generator.get_weights()])
    made, _ = fine_tuning.with_classes(model, 5)
    last = made.ema_generator.get_weights()[-1]
    np.testing.assert_allclose(last, model.generator.get_weights()[-1] + 1.0, rtol=1e-6)


def test_what_has_no_classes_is_refused():
    with pytest.raises(ValueError, match=r"num_classes\. Received: DCGAN"):
        fine_tuning.with_classes(tiny_dcgan(), 5)
    images, labels = keras.Input(SHAPE), keras.Input((), dtype="int32")
    x = keras.layers.Flatten()(images) * keras.ops.expand_dims(
        keras.ops.cast(labels, "float32"), -1
    )
    judge = keras.Model([images, labels], keras.layers.Dense(1)(x))
    model = CGAN(
        3,
        SHAPE,
        4,
        generator=cgan.build_generator(3, 4, SHAPE, width=4),
        discriminator=judge,
        seed=0,
    )
    with pytest.raises(ValueError, match=r"for 3 classes in the discriminator\. Received"):
        fine_tuning.with_classes(model, 5)
    with pytest.raises(ValueError, match="num_classes must be a positive"):
        fine_tuning.with_classes(tiny_cgan(), 0)


def test_frozen_layers_stay_and_the_others_move(tmp_path):
    model = tiny_dcgan()
    names = fine_tuning.freeze_first_layers(model, "discriminator", 1)
    frozen = [model.discriminator.get_layer(name) for name in names]
    before = [[w.numpy() for w in layer.weights] for layer in frozen]
    rest = [w.numpy() for w in model.player_variables("discriminator")]
    assert rest, "something is left to train"
    model.fit(data(), epochs=1, verbose=0)
    for layer, weights in zip(frozen, before, strict=True):
        for was, weight in zip(weights, layer.weights, strict=True):
            np.testing.assert_array_equal(was, weight)
    for was, weight in zip(rest, model.player_variables("discriminator"), strict=True):
        assert np.abs(was - weight.numpy()).max() > 0

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.player_variables("discriminator")) == len(rest)
    assert len(loaded.discriminator_optimizer.variables) == len(
        model.discriminator_optimizer.variables
    )


def test_a_critic_freezes_too_and_embeddings_never():
    critic = wgan.build_critic(image_shape=SHAPE, width=4)
    generator = wgan.build_generator(4, SHAPE, width=4)
    model = WGANGP(image_shape=SHAPE, latent_dim=4, generator=generator, critic=critic, seed=0)
    (name,) = fine_tuning.freeze_first_layers(model, "critic", 1)
    assert isinstance(model.critic.get_layer(name), keras.layers.Conv2D)
    assert not model.critic.get_layer(name).trainable_variables

    conditional = tiny_cgan()
    (name,) = fine_tuning.freeze_first_layers(conditional, "discriminator", 1)
    assert isinstance(conditional.discriminator.get_layer(name), keras.layers.Conv2D)
    embeddings = [
        layer
        for layer in conditional.discriminator.layers
        if isinstance(layer, keras.layers.Embedding)
    ]
    assert embeddings and all(layer.trainable_variables for layer in embeddings)


def test_what_sees_labels_alone_goes_on_learning():
    """The paper's discriminator has a maxout layer of the label beside that of the image."""
    model, fresh = fine_tuning.with_classes(tiny_cgan(paper=True), 5)
    names = fine_tuning.freeze_first_layers(model, "discriminator", 2)
    frozen = {w.path for name in names for w in model.discriminator.get_layer(name).weights}
    assert len(frozen) == 4 and not frozen & set(fresh)
    assert 5 in {w.shape[0] for w in model.player_variables("discriminator")}


@pytest.mark.parametrize("as_list", [True, False])
def test_a_sequential_discriminator_freezes_too(as_list):
    layers = [
        keras.Input(SHAPE),
        keras.layers.Conv2D(2, 3, 2),
        keras.layers.LeakyReLU(),
        keras.layers.Conv2D(3, 3),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ]
    judge = keras.Sequential(layers if as_list else None)
    for layer in [] if as_list else layers:
        judge.add(layer)
    model = DCGAN(
        SHAPE, 4, generator=networks.build_generator(4, SHAPE, 4), discriminator=judge, seed=0
    )
    names = fine_tuning.freeze_first_layers(model, "discriminator", 2)
    assert names == [layers[1].name, layers[3].name]
    assert {w.path for w in model.player_variables("discriminator")} == {
        w.path for w in layers[-1].weights
    }
    before = [[w.numpy() for w in layers[i].weights] for i in (1, 3, 5)]
    model.fit(data(), epochs=1, verbose=0)
    after = [[w.numpy() for w in layers[i].weights] for i in (1, 3, 5)]
    for i, moves in enumerate((False, False, True)):
        changed = [not np.array_equal(a, b) for a, b in zip(before[i], after[i], strict=True)]
        assert changed == [moves, moves]


@pytest.mark.parametrize(
    "network, layers, words",
    [
        ("critic", 1, "one of generator, discriminator.*'critic'"),
        ("ema_generator", 1, "one of generator, discriminator"),
        (3, 1, "one of generator"),
        ("discriminator", 0, "positive integer"),
        ("discriminator", 99, "has [2-9] layers"),
    ],
)
def test_what_can_not_be_frozen(network, layers, words):
    with pytest.raises(ValueError, match=words):
        fine_tuning.freeze_first_layers(tiny_dcgan(), network, layers)
