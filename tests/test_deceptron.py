"""The composition defect, its estimates and the loss terms: closed forms, finite differences, NumPy."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core import deceptron, networks, setups, toys
from core.architectures import ARCHITECTURES, with_slabs
from core.deceptron import MAX_PROBES, Deceptron
from core.networks import Affine

KEY = jax.random.key(7)
SHEAR = np.array([[1.0, 2.0], [0.0, 3.0]])  # not symmetric: a transposed Jacobian gives another answer


class Linear(eqx.Module):
    """v -> matrix v."""

    matrix: jax.Array

    def __call__(self, value):
        return self.matrix @ value


def linear(a, v):
    return Deceptron(Linear(jnp.asarray(a)), Linear(jnp.asarray(v)))


@functools.cache
def curved():
    """An untrained pair on a bent, rotated problem, in float64 so that finite differences are sharp."""
    return networks.as_type(setups.toy(toys.RotatedSine()).build(jax.random.key(2)), jnp.float64)


@eqx.filter_jit
def built(architecture, problem, dtype):
    """An untrained model and 64 inputs, all in one dtype."""
    problem = networks.as_type(problem, dtype)
    x = jax.random.uniform(KEY, (64, 2), dtype)
    return ARCHITECTURES[architecture](KEY, problem, x, networks.Start()), x


@eqx.filter_jit
def terms_of(model, x, clean, probes, noise=0.0, jcp_samples=None):
    return deceptron.loss_terms(model, x, clean, KEY, probes, noise, jcp_samples)


def numpy_leaky(z):
    return 0.1 * z + 0.225 * np.log1p(np.exp(4.0 * z))


def numpy_leaky_slope(z):
    return 0.1 + 0.9 / (1.0 + np.exp(-4.0 * z))


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (5, 3)])
def test_defect_of_linear_maps_is_the_frobenius_norm(shape):
    m, n = shape
    rng = np.random.default_rng(0)
    a, v = rng.normal(size=(m, n)), rng.normal(size=(n, m))
    expected = np.linalg.norm(v @ a - np.eye(n), "fro") ** 2
    got = deceptron.composition_defect(linear(a, v), jnp.asarray(rng.normal(size=n)))
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_defect_tells_an_inverse_from_its_transpose():
    inverse = np.linalg.inv(SHEAR)
    x = jnp.array([0.3, -0.4])
    assert deceptron.composition_defect(linear(SHEAR, inverse), x) < 1e-25
    assert deceptron.composition_defect(linear(SHEAR, inverse.T), x) > 0.5


def test_defect_of_curved_maps_by_finite_differences():
    model, x, h = curved(), np.array([0.3, -0.6]), 1e-6
    there_and_back = jax.jit(lambda x: model.g(model.f(x)))
    columns = [(there_and_back(x + h * e) - there_and_back(x - h * e)) / (2 * h) for e in np.eye(2)]
    composed = np.stack(columns, axis=1)
    np.testing.assert_allclose(deceptron.composition(model, jnp.asarray(x)), composed, atol=1e-8)
    expected = np.sum((composed - np.eye(2)) ** 2)
    np.testing.assert_allclose(deceptron.composition_defect(model, jnp.asarray(x)), expected, rtol=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_mean_over_all_sign_vectors_is_the_defect(n):
    rng = np.random.default_rng(n)
    model = linear(rng.normal(size=(n, n)), rng.normal(size=(n, n)))
    x = jnp.asarray(rng.normal(size=n))
    signs = jnp.asarray(list(itertools.product([-1.0, 1.0], repeat=n)))
    errors = deceptron.probe_errors(model, x, signs)
    np.testing.assert_allclose(jnp.mean(errors), deceptron.composition_defect(model, x), rtol=1e-12)


def test_few_probes_and_many_probes_take_the_same_products():
    """More probes than unknowns are combined from the axes: the same numbers as pushing each probe."""
    model, x = curved(), jnp.array([0.2, 0.5])
    signs = jnp.asarray(list(itertools.product([-1.0, 1.0], repeat=2)))
    errors = jax.jit(lambda probes: deceptron.probe_errors(model, x, probes))
    one_by_one = jnp.concatenate([errors(row[None]) for row in signs])
    np.testing.assert_allclose(errors(signs), one_by_one, rtol=1e-12)


@pytest.mark.parametrize("probes", [1, 2, 4, 8])
def test_rjcp_is_unbiased_and_its_variance_falls_like_one_over_the_probes(probes):
    """With M = C - I, |M v|^2 has variance 2 sum_{i != j} (M^T M)_ij^2 over sign vectors v."""
    model, x, draws = curved(), jnp.array([0.9, 0.8]), 10_000
    keys = jax.random.split(jax.random.key(probes), draws)
    estimates = np.asarray(jax.jit(jax.vmap(lambda key: deceptron.rjcp(model, x, key, probes)))(keys))
    exact = float(deceptron.composition_defect(model, x))
    assert abs(estimates.mean() - exact) < 3 * estimates.std() / np.sqrt(draws)
    error = np.asarray(deceptron.composition(model, x)) - np.eye(2)
    gram = error.T @ error
    variance = 2 * np.sum((gram - np.diag(np.diag(gram))) ** 2) / probes
    # A sample variance from 10,000 draws scatters by 1 to 2 %; 6 % is beyond three standard errors.
    np.testing.assert_allclose(estimates.var(), variance, rtol=0.06)


def test_a_traced_probe_count_uses_the_first_probes_and_never_recompiles():
    model, x, traces = curved(), jnp.array([0.9, 0.8]), []

    @jax.jit
    def estimate(probes):
        traces.append(1)
        return deceptron.rjcp(model, x, KEY, probes)

    errors = deceptron.probe_errors(model, x, jax.random.rademacher(KEY, (MAX_PROBES, 2), x.dtype))
    for probes in (1, 3, MAX_PROBES):
        np.testing.assert_allclose(estimate(jnp.asarray(probes)), jnp.mean(errors[:probes]), rtol=1e-12)
    assert len(traces) == 1
    # Out of range counts are clipped: a slider cannot divide by zero.
    assert estimate(jnp.asarray(0)) == estimate(jnp.asarray(1))
    assert estimate(jnp.asarray(99)) == estimate(jnp.asarray(MAX_PROBES))


def test_rjcp_refuses_to_average_nothing():
    with pytest.raises(ValueError, match="at least 1 probe, got 0"):
        deceptron.rjcp(curved(), jnp.zeros(2), KEY, 0)


def test_field_is_the_defect_at_every_grid_point():
    model = curved()
    xs = jnp.stack(jnp.meshgrid(jnp.linspace(-2, 2, 4), jnp.linspace(-1, 1, 3)), axis=-1)
    field = deceptron.rjcp_field(model, xs)
    defect = jax.jit(lambda x: deceptron.composition_defect(model, x))
    assert field.shape == (3, 4)
    for row, column in np.ndindex(3, 4):
        expected = defect(xs[row, column])
        np.testing.assert_allclose(field[row, column], expected, rtol=1e-10)


def test_leaky_and_its_slope():
    z = np.linspace(-3, 3, 25)
    np.testing.assert_allclose(networks.leaky(jnp.asarray(z)), numpy_leaky(z), rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(jax.grad(networks.leaky))(jnp.asarray(z)), numpy_leaky_slope(z), rtol=1e-12)
    h = 1e-5
    curvature = (numpy_leaky_slope(z + h) - numpy_leaky_slope(z - h)) / (2 * h)
    second = jax.vmap(jax.grad(jax.grad(networks.leaky)))(jnp.asarray(z))
    np.testing.assert_allclose(second, curvature, atol=1e-9)
    assert np.isfinite(networks.leaky(jnp.array([-1e4, 1e4]))).all()


@pytest.mark.parametrize("activation", ["linear", "leaky"])
@pytest.mark.parametrize("shape", [(2, 2), (3, 2)])
def test_every_loss_term_against_numpy(activation, shape):
    m, n = shape
    rng = np.random.default_rng(3)
    w, b, v, c = (rng.normal(size=size) for size in ((m, n), m, (n, m), n))
    spread = np.linspace(0.5, 2.0, m)
    units_x = Affine(jnp.zeros(n), jnp.ones(n))
    units_y = Affine(jnp.zeros(m), jnp.asarray(spread))
    model = Deceptron(
        networks.Slab(jnp.asarray(w), jnp.asarray(b), units_x, units_y, activation),
        networks.Slab(jnp.asarray(v), jnp.asarray(c), units_y, units_x, activation),
    )
    s, slope = (numpy_leaky, numpy_leaky_slope) if activation == "leaky" else (lambda z: z, np.ones_like)
    x, noise = rng.normal(size=(6, n)), 0.1 * rng.normal(size=(6, m))
    clean = rng.normal(size=(6, m))
    y = clean + noise

    def f(x):
        return spread * s(w @ x + b)

    def g(y):
        return s(v @ (y / spread) + c)

    signs = np.asarray(jax.random.rademacher(KEY, (6, MAX_PROBES, n), jnp.float64))
    probes, jcp = 3, []
    for sample, vectors in zip(x, signs, strict=True):
        j_f = spread[:, None] * slope(w @ sample + b)[:, None] * w
        j_g = slope(v @ (f(sample) / spread) + c)[:, None] * v / spread
        jcp += [np.sum((j_g @ j_f @ probe - probe) ** 2) for probe in vectors[:probes]]
    expected = {
        "task": np.mean([np.sum((f(a) - o) ** 2) / m for a, o in zip(x, y, strict=True)]),
        "reconstruction": np.mean([np.sum((g(f(a) + e) - a) ** 2) / n for a, e in zip(x, noise, strict=True)]),
        "cycle": np.mean([np.sum((f(g(o)) - o) ** 2) / m for o in y]),
        "spectral": np.sum((w.T @ w - np.eye(n)) ** 2),
        "composition": np.sum((v @ w - np.eye(n)) ** 2),
        "jcp": np.mean(jcp) / n,
    }
    if m == n:
        expected["bias_tie"] = np.sum((b + c) ** 2)
    terms = terms_of(model, jnp.asarray(x), jnp.asarray(clean), jnp.asarray(probes), jnp.asarray(noise))
    assert set(terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-10, err_msg=name)


def test_where_f_is_the_physics_the_terms_are_those_of_any_other_f():
    """It is not asked for its answer to x, which is known. A stranger with the same answers has the same terms."""
    problem, rng = toys.RotatedSine(), np.random.default_rng(4)

    class Stranger(networks.Frozen):
        def __call__(self, x):
            return problem.forward(x)

    x, noise = jnp.asarray(rng.normal(size=(6, 2))), jnp.asarray(0.1 * rng.normal(size=(6, 2)))
    clean, g = jax.vmap(problem.forward)(x), curved().g
    known, asked = (
        terms_of(Deceptron(f, g), x, clean, jnp.asarray(3), noise) for f in (networks.Physics(problem), Stranger())
    )
    assert set(known) == set(asked) >= {"task", "reconstruction", "cycle", "jcp"} and known["task"] > 1e-3
    for name, value in asked.items():
        np.testing.assert_allclose(known[name], value, rtol=1e-10, err_msg=name)


def test_jcp_may_look_at_part_of_the_batch():
    model, x = curved(), jax.random.uniform(KEY, (6, 2))
    y = jax.vmap(model.f)(x)
    part = terms_of(model, x, y, jnp.asarray(8), jcp_samples=2)["jcp"]
    signs = jax.random.rademacher(KEY, (2, MAX_PROBES, 2), x.dtype)
    errors = jax.jit(jax.vmap(lambda a, v: deceptron.probe_errors(model, a, v)))(x[:2], signs)
    np.testing.assert_allclose(part, np.mean(errors) / 2, rtol=1e-10)


@pytest.mark.parametrize(
    ("architecture", "absent"),
    [
        ("physics", {"spectral", "bias_tie", "composition"}),
        ("surrogate", {"spectral", "bias_tie", "composition"}),
    ],
)
def test_terms_of_the_slabs_exist_for_slabs_only(architecture, absent):
    model, x = built(architecture, toys.Sheared(), jnp.float64)
    terms = terms_of(model, x, x, jnp.asarray(2))
    assert set(deceptron.TERMS) - set(terms) == absent


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_float32_stays_float32(architecture, strict):
    model, x = built(architecture, toys.Sheared(), jnp.float32)
    terms = terms_of(model, x, x, jnp.asarray(2))
    assert {term.dtype for term in terms.values()} == {jnp.dtype("float32")}
    assert deceptron.rjcp_field(model, x).dtype == jnp.float32


@pytest.mark.parametrize(
    ("architecture", "count"),
    [("physics", 2 * 32 + 32 + 32 * 32 + 32 + 32 * 2 + 2), ("slabs", 2 * (4 + 2))],
)
def test_only_weights_and_biases_are_trainable(architecture, count):
    """Not the physics' numbers, not the scalings: they would drift to make the loss small."""
    model, _ = built(architecture, toys.Scaled(4.0), jnp.float64)
    moving = eqx.filter(model, networks.trainable(model))
    assert sum(leaf.size for leaf in jax.tree.leaves(moving)) == count


def test_slabs_scale_y_without_moving_its_origin():
    """Centring y would push half of it onto a leaky unit's flat side (a task error of 0.29 in the study)."""
    x = 2.0 + jax.random.uniform(KEY, (512, 2))
    model = with_slabs(KEY, toys.Sheared(), x, networks.Start())
    assert not np.any(model.f.outer.centre) and not np.any(model.g.inner.centre)
    y = jax.vmap(toys.Sheared().forward)(x)
    np.testing.assert_allclose(model.g.inner.spread, np.sqrt(np.mean(np.asarray(y) ** 2, axis=0)), rtol=1e-10)
    np.testing.assert_allclose(model.f.weight, np.eye(2), atol=0.05 * 4)
    assert np.std(np.asarray(model.f.weight) - np.eye(2)) > 0
    assert not np.any(model.f.bias)


def test_a_residual_network_needs_as_many_outputs_as_inputs():
    three, two = (Affine(jnp.zeros(size), jnp.ones(size)) for size in (3, 2))
    with pytest.raises(ValueError, match="one size, got 3, 2"):
        networks.residual_mlp(KEY, three, two)
