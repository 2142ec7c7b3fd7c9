"""The objects: same numbers as the functions, by named terms, and a life through Keras' saving."""

import json

import keras
import pytest
import tensorflow as tf

from kerasgan import losses

OBJECTIVES = {
    "minimax": losses.Minimax(),
    "non_saturating": losses.NonSaturating(),
    "least_squares": losses.LeastSquares(),
    "wasserstein": losses.Wasserstein(),
    "hinge": losses.Hinge(),
    "relativistic": losses.Relativistic(),
    "relativistic_average": losses.RelativisticAverage(),
}
WITH_ARGUMENTS = [
    losses.Minimax(label_smoothing=0.1),
    losses.NonSaturating(label_smoothing=0.25),
    losses.LeastSquares(a=-1.0, b=1.0, c=0.0),
]
EVERY = [*OBJECTIVES.values(), *WITH_ARGUMENTS]
REAL = tf.constant([[2.0], [0.5]])
FAKE = tf.constant([[-2.0], [0.0]])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_name_gets_the_object(name):
    objective = losses.get(name)
    assert objective == OBJECTIVES[name] and objective.name == name
    assert objective.needs_real_logits == name.startswith("relativistic")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_terms_add_up_to_the_functions(name):
    objective = OBJECTIVES[name]
    terms = objective.discriminator(REAL, FAKE)
    relativistic = objective.needs_real_logits
    assert list(terms) == (["relativistic"] if relativistic else ["real", "fake"])
    assert all(term.shape == () and term.dtype == tf.float32 for term in terms.values())
    expected = getattr(losses, f"{name}_discriminator_loss")(REAL, FAKE)
    assert abs(float(sum(terms.values())) - float(expected)) < 1e-6

    arguments = (REAL, FAKE) if relativistic else (FAKE,)
    expected = getattr(losses, f"{name}_generator_loss")(*arguments)
    assert abs(float(objective.generator(FAKE, real_logits=REAL)) - float(expected)) < 1e-6
    assert abs(float(objective.generator(FAKE, REAL)) - float(expected)) < 1e-6


@pytest.mark.parametrize(
    "objective, real, fake",
    [
        (losses.Hinge(), 0.25, 0.5),  # (0 + 1/2) / 2, (0 + 1) / 2
        (losses.Wasserstein(), -1.25, -1.0),
        (losses.LeastSquares(), 0.3125, 1.0),  # (1 + 1/4) / 4, (4 + 0) / 4
        (losses.LeastSquares(a=-1.0, b=2.0), 0.5625, 0.5),  # (0 + 9/4) / 4, (1 + 1) / 4
    ],
    ids=repr,
)
def test_each_term(objective, real, fake):
    terms = objective.discriminator(REAL, FAKE)
    assert abs(float(terms["real"]) - real) < 1e-5
    assert abs(float(terms["fake"]) - fake) < 1e-5


def test_generator_uses_the_label_c():
    assert abs(float(losses.LeastSquares(a=-1.0, c=0.0).generator(FAKE)) - 4.0 / 4) < 1e-5


@pytest.mark.parametrize("objective", [losses.Relativistic(), losses.RelativisticAverage()])
def test_relativistic_generator_needs_real_logits(objective):
    with pytest.raises(ValueError, match="Received: real_logits=None"):
        objective.generator(FAKE)


@pytest.mark.parametrize("objective", EVERY, ids=repr)
def test_serialisation_round_trip(objective):
    serialised = json.loads(json.dumps(losses.serialize(objective)))
    assert serialised["registered_name"] == f"kerasgan>{type(objective).__name__}"
    for restored in (losses.get(serialised), keras.saving.deserialize_keras_object(serialised)):
        assert type(restored) is type(objective) and restored == objective
    assert type(objective).from_config(objective.get_config()) == objective


def test_get_returns_an_object_as_it_is():
    objective = losses.Hinge()
    assert losses.get(objective) is objective
    assert losses.serialize("hinge") == losses.serialize(objective)


@pytest.mark.parametrize(
    "identifier",
    [
        "Hinge",
        "",
        None,
        1,
        losses.Hinge,
        losses.hinge_generator_loss,
        {},
        {"class_name": "NoSuchLoss", "config": {}, "module": None, "registered_name": None},
        keras.saving.serialize_keras_object(keras.losses.Hinge()),
        {**losses.serialize("minimax"), "config": {"label_smoothing": 2.0}},
    ],
)
def test_get_refuses_anything_else(identifier):
    with pytest.raises(ValueError, match=r"'hinge', 'least_squares', 'minimax'.*Received: ident"):
        losses.get(identifier)


def test_equality_is_by_class_and_config():
    assert losses.LeastSquares() == losses.LeastSquares(0, 1, 1)
    assert losses.LeastSquares() != losses.LeastSquares(c=0.5)
    assert losses.Minimax() != losses.NonSaturating()
    assert losses.Hinge() != "hinge"
    assert len({losses.Hinge(), losses.Hinge(), losses.Wasserstein()}) == 2


def test_repr():
    assert repr(losses.LeastSquares()) == "LeastSquares(a=0.0, b=1.0, c=1.0)"
    assert repr(losses.Minimax(0.1)) == "Minimax(label_smoothing=0.1)"
    assert repr(losses.Hinge()) == "Hinge()"


def test_a_users_own_objective():
    class SoftHinge(losses.AdversarialLoss):
        def discriminator(self, real_logits, fake_logits):
            return {"real": -tf.reduce_mean(real_logits), "fake": tf.reduce_mean(fake_logits)}

        def generator(self, fake_logits, real_logits=None):
            return -tf.reduce_mean(fake_logits)

    objective = SoftHinge()
    assert losses.get(objective) is objective
    assert objective.name == "soft_hinge" and repr(objective) == "SoftHinge()"


def test_the_base_is_abstract():
    with pytest.raises(NotImplementedError):
        losses.AdversarialLoss().discriminator(REAL, FAKE)
    with pytest.raises(NotImplementedError):
        losses.AdversarialLoss().generator(FAKE)
