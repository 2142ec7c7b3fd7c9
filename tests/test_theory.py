"""Divergences and the theory of GANs against closed forms, by hand and by quadrature."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from kerasgan import losses, theory

DX = 0.005
GRID = np.arange(-14.0, 14.0, DX) + DX / 2
DIVERGENCES = [theory.kl, theory.js, theory.pearson, theory.total_variation]
LOG2 = math.log(2.0)


def normal(mean, deviation):
    return stats.norm.pdf(GRID, mean, deviation)


def discrete(seed, n=7):
    return np.random.default_rng(seed).dirichlet(np.ones(n))


def close(value, expected, tolerance=1e-9):
    return abs(value - expected) < tolerance


# Divergences ------------------------------------------------------------------------------


@pytest.mark.parametrize("m1, s1, m2, s2", [(0, 1, 0, 1), (0, 1, 1, 2), (2, 0.5, -1, 1.5)])
def test_kl_of_normals(m1, s1, m2, s2):
    expected = math.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5
    assert close(theory.kl(normal(m1, s1), normal(m2, s2), DX), expected, 1e-8)


def test_kl_of_probabilities_by_hand():
    p, q = [1 / 2, 1 / 4, 1 / 4], [1 / 4, 1 / 4, 1 / 2]
    assert close(theory.kl(p, q), LOG2 / 2 - LOG2 / 4)  # nats: log2 would give 1/4
    assert close(theory.kl([1.0, 0.0], [0.25, 0.75]), math.log(4.0))  # 0 log 0 = 0
    assert close(theory.kl(discrete(1), discrete(2)), stats.entropy(discrete(1), discrete(2)))


def test_js_has_its_bounds_at_equal_and_at_disjoint_distributions():
    p = discrete(3)
    assert close(theory.js(p, p), 0.0, 1e-15)
    assert close(theory.js([0.3, 0.7, 0, 0], [0, 0, 0.6, 0.4]), LOG2)
    assert close(theory.js(normal(-7, 0.5), normal(7, 0.5), DX), LOG2)
    for seed in range(5):
        assert 0.0 < theory.js(discrete(seed), discrete(seed + 10)) < LOG2


def test_js_by_hand_and_against_quadrature():
    # m = (3/4, 1/4): KL(p, m) = log 4/3; KL(q, m) = (log 2/3 + log 2) / 2 = log(4/3) / 2
    assert close(theory.js([1.0, 0.0], [0.5, 0.5]), 0.5 * (math.log(4 / 3) * 1.5))

    def integrand(x):
        p, q = stats.norm.pdf(x, 0, 1), stats.norm.pdf(x, 1.5, 0.7)
        return (special.rel_entr(p, (p + q) / 2) + special.rel_entr(q, (p + q) / 2)) / 2

    expected, _ = integrate.quad(integrand, -12, 12, epsabs=1e-12, points=[0, 1.5])
    assert close(theory.js(normal(0, 1), normal(1.5, 0.7), DX), expected)


def test_pearson_by_hand_and_for_shifted_normals():
    assert close(theory.pearson([0.6, 0.4], [0.2, 0.8]), 0.16 / 0.2 + 0.16 / 0.8)
    assert close(theory.pearson([0.2, 0.8], [0.6, 0.4]), 0.16 / 0.6 + 0.16 / 0.4)
    # E_q[(p/q)^2] - 1 = exp(shift^2) - 1 for normals of deviation 1
    assert close(theory.pearson(normal(0.8, 1), normal(0, 1), DX), math.expm1(0.64), 1e-8)


def test_total_variation_of_shifted_uniforms_and_normals():
    uniform = ((GRID > 0) & (GRID < 2)) / 2.0
    shifted = ((GRID > 0.5) & (GRID < 2.5)) / 2.0
    assert close(theory.total_variation(uniform, shifted, DX), 0.5 / 2)
    expected = math.erf(1.2 / (2 * math.sqrt(2)))
    assert close(theory.total_variation(normal(0, 1), normal(1.2, 1), DX), expected, 1e-6)
    assert close(theory.total_variation([1.0, 0.0], [0.0, 1.0]), 1.0)


def test_support_that_is_missing():
    p, q = [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]
    assert theory.kl(p, q) == theory.pearson(p, q) == math.inf
    assert close(theory.kl(q, p), LOG2) and close(theory.pearson(q, p), 1.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_zeros_make_no_warning_and_equal_distributions_are_at_distance_zero(divergence):
    p = [0.0, 0.25, 0.75]
    assert abs(divergence(p, p)) < 1e-15
    assert math.isinf(divergence(p, p[::-1])) == (divergence in (theory.kl, theory.pearson))


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_a_plane_and_a_line_of_cells_are_alike(divergence):
    p, q = discrete(1, 12), discrete(2, 12)
    expected = divergence(p, q)
    assert close(divergence(p.reshape(3, 4), q.reshape(3, 4)), expected, 1e-12)
    assert close(divergence(p / 0.5, q / 0.5, dx=0.5), expected, 1e-12)


# The game ---------------------------------------------------------------------------------


def test_the_best_discriminator_by_hand():
    best = theory.optimal_discriminator([0.5, 0.5, 0.0, 0.0], [0.0, 0.25, 0.75, 0.0])
    np.testing.assert_allclose(best, [1.0, 2 / 3, 0.0, 0.5], rtol=0, atol=1e-15)


def test_no_discriminator_beats_the_best():
    p, q = discrete(1), discrete(2)
    best = theory.optimal_discriminator(p, q)
    top = theory.value_function(best, p, q)
    for i in range(len(p)):
        for step in (-1e-3, 1e-3):
            other = best.copy()
            other[i] += step
            # to second order: -(p / D^2 + q / (1 - D)^2) step^2 / 2
            curvature = p[i] / best[i] ** 2 + q[i] / (1 - best[i]) ** 2
            loss = top - theory.value_function(other, p, q)
            assert 0.9 < loss / (curvature * step**2 / 2) < 1.1


@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0, 12.0])
def test_value_at_the_best_discriminator(shift):
    p, q = normal(-shift / 2, 1), normal(shift / 2, 0.8 if shift else 1)
    value = theory.value_function(theory.optimal_discriminator(p, q), p, q, DX)
    assert close(value, 2 * theory.js(p, q, DX) - 2 * LOG2)
    if shift in (0.0, 12.0):  # equal: -log 4; apart: 0
        assert close(value, 0.0 if shift else -math.log(4.0), 1e-6)


def test_value_by_hand_and_against_the_loss_of_a_sample():
    value = theory.value_function([0.8, 0.5], [0.75, 0.25], [0.5, 0.5])
    assert close(value, 0.75 * math.log(0.8) + 0.25 * math.log(0.5)
                 + 0.5 * math.log(0.2) + 0.5 * math.log(0.5))  # fmt: skip
    real, fake = [math.log(4.0)] * 3 + [0.0], [math.log(4.0), 0.0]  # logits of 0.8 and 0.5
    assert close(-value, float(losses.minimax_discriminator_loss(real, fake)), 1e-6)


@pytest.mark.filterwarnings("error")
def test_value_of_a_sure_discriminator():
    assert close(theory.value_function([1.0, 0.0], [1.0, 0.0], [0.0, 1.0]), 0.0, 1e-15)
    wrong = theory.value_function([0.0, 1.0], [1.0, 0.0], [0.0, 1.0])
    assert close(wrong, 2 * -53 * LOG2)


# Least squares ----------------------------------------------------------------------------

CODINGS = [(-1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.5, 3.0, 2.0)]
COUNTS_DATA = np.array([6, 3, 1, 0, 2])  # of 12
COUNTS_G = np.array([1, 1, 4, 3, 3])  # of 12


def mean_losses(outputs, a, b, c):
    """Of kerasgan's objective: D's loss, and C(G), as means over samples with those counts."""
    objective = losses.LeastSquares(a=a, b=b, c=c)
    real, fake = np.repeat(outputs, COUNTS_DATA), np.repeat(outputs, COUNTS_G)
    of_d = sum(float(term) for term in objective.discriminator(real, fake).values())
    # The paper's C(G) has the generator's loss on the real samples too (its equation 4).
    return of_d, float(objective.generator(real)) + float(objective.generator(fake))


@pytest.mark.parametrize("a, b, c", CODINGS)
def test_the_best_least_squares_discriminator(a, b, c):
    p, q = COUNTS_DATA / 12, COUNTS_G / 12
    best = theory.optimal_least_squares_discriminator(p, q, a, b)
    by_hand = [(6 * b + a) / 7, (3 * b + a) / 4, (b + 4 * a) / 5, a, (2 * b + 3 * a) / 5]
    np.testing.assert_allclose(best, by_hand, rtol=0, atol=1e-12)
    least, _ = mean_losses(best, a, b, c)
    for i in range(5):
        for step in (-0.1, 0.1):
            more, _ = mean_losses(best + step * (np.arange(5) == i), a, b, c)
            assert close(more - least, (p[i] + q[i]) * step**2 / 2, 1e-5)


@pytest.mark.parametrize("a, b, c", CODINGS)
def test_the_generators_cost_is_what_the_losses_say(a, b, c):
    p, q = COUNTS_DATA / 12, COUNTS_G / 12
    _, expected = mean_losses(theory.optimal_least_squares_discriminator(p, q, a, b), a, b, c)
    assert close(theory.least_squares_generator_cost(p, q, a, b, c), expected, 1e-5)


def chi_square(p, q):
    """Mao et al. 2017, equation 8: Pearson's chi-square between p + q and 2 q, as a sum."""
    return sum((2 * y - (x + y)) ** 2 / (x + y) for x, y in zip(p, q, strict=True) if x + y > 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_paper_s_coding_minimises_pearsons_chi_square(seed):
    """Where b - c = 1 and b - a = 2, 2 C(G) is the divergence itself, wherever the labels lie."""
    p, q = discrete(seed), discrete(seed + 100)
    chi2 = chi_square(p, q)
    assert 0.01 < chi2 < 2.0
    assert close(2 * theory.pearson(q, (p + q) / 2), chi2, 1e-12)
    for a in (-1.0, 0.0, 2.5):
        cost = theory.least_squares_generator_cost(p, q, a=a, b=a + 2, c=a + 1)
        assert close(2 * cost, chi2, 1e-12)


def test_the_identity_holds_for_kerasgan_s_losses():
    p, q = COUNTS_DATA / 12, COUNTS_G / 12
    best = theory.optimal_least_squares_discriminator(p, q, a=-1.0, b=1.0)
    _, cost = mean_losses(best, a=-1.0, b=1.0, c=0.0)
    assert close(2 * cost, chi_square(p, q), 1e-5)
    # by hand: (5^2 / 7 + 2^2 / 4 + 3^2 / 5 + 3^2 / 3 + 1 / 5) / 12
    assert close(2 * cost, (25 / 7 + 1 + 9 / 5 + 3 + 1 / 5) / 12, 1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_0_1_coding_is_another_function_of_the_same_divergence(seed):
    """2 C(G) is then chi2 / 4 + 1/2, never chi2 itself (but at 2/3)."""
    p, q = discrete(seed), discrete(seed + 100)
    cost = theory.least_squares_generator_cost(p, q, a=0.0, b=1.0, c=1.0)
    assert abs(2 * cost - chi_square(p, q)) > 0.01
    assert close(2 * cost, chi_square(p, q) / 4 + 0.5, 1e-12)
    assert close(theory.least_squares_generator_cost(p, p, a=0.0, b=1.0, c=1.0), 0.25, 1e-12)
    assert close(theory.least_squares_generator_cost(p, p, a=-1.0, b=1.0, c=0.0), 0.0, 1e-12)


def test_least_squares_on_a_grid():
    p, q = normal(-1, 1), normal(1, 1)
    cost = theory.least_squares_generator_cost(p, q, -1.0, 1.0, 0.0, DX)
    expected, _ = integrate.quad(lambda x: np.tanh(x) ** 2 * stats.norm.pdf(x, 1, 1), -12, 12)
    assert close(cost, expected, 1e-8)  # D* = -tanh x, the square of which is even


# Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize(
    "p, q, dx, message",
    [
        ([0.5, 0.5], [1.5, -0.5], None, "q must hold finite numbers that are not negative.*-0.5"),
        ([0.5, float("nan")], [0.5, 0.5], None, "p must hold finite numbers.*nan"),
        ([0.5, 0.4], [0.5, 0.5], None, "p must sum to 1.*Received: p of mass 0.9"),
        ([0.5, 0.5], [0.5, 0.5], 0.1, "p must integrate to 1.*wider or finer.*dx=0.1"),
        ([0.5, 0.5], [0.5, 0.25, 0.25], None, r"same shape.*p.shape=\(2,\), q.shape=\(3,\)"),
        ([], [], None, r"p of shape \(0,\)"),
        ([0.5, 0.5], [0.5, 0.5], 0, "dx must be a positive number.*Received: dx=0"),
        ([0.5, 0.5], [0.5, 0.5], float("nan"), "dx must be a positive number.*Received: dx=nan"),
    ],
)
def test_what_is_no_pair_of_distributions_is_refused(divergence, p, q, dx, message):
    with pytest.raises(ValueError, match=message):
        divergence(p, q, dx)


def test_tolerances_of_the_sums():
    assert theory.js(np.float32([0.1] * 10), np.float32([0.1] * 10)) == 0.0
    with pytest.raises(ValueError, match="sum to 1"):
        theory.js([0.5, 0.50001], [0.5, 0.5])
    short = normal(0, 1) * (abs(GRID) < 4)  # misses 6e-5
    assert close(theory.kl(short, normal(0, 1), DX), 0.0, 1e-12)
    with pytest.raises(ValueError, match="integrate to 1"):
        theory.kl(normal(0, 1) * (abs(GRID) < 3), normal(0, 1), DX)  # misses 3e-3


@pytest.mark.parametrize("d", [[0.5, 1.5], [-0.1, 0.5], [0.5, float("nan")], [0.5], 0.5])
def test_a_discriminator_that_gives_no_probabilities_is_refused(d):
    with pytest.raises(ValueError, match=r"discriminator must have shape \(2,\).*Received"):
        theory.value_function(d, [0.5, 0.5], [0.5, 0.5])


def test_densities_for_the_best_discriminator_need_no_normalising_but_must_fit():
    assert theory.optimal_discriminator([3.0, 1.0], [1.0, 1.0]).tolist() == [0.75, 0.5]
    with pytest.raises(ValueError, match="p_g must hold finite"):
        theory.optimal_discriminator([1.0], [-1.0])
    with pytest.raises(ValueError, match="same shape"):
        theory.optimal_least_squares_discriminator([1.0], [1.0, 0.0])
