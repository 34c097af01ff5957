"""What Newton costs: what its page says and draws of measurements that are made up."""

import re

import numpy as np

from core.backend import default_float
from core.cost import LAST, SIZES
from lessons.newton import cost
from tests.shown.kit import Says, said, some_settings

TIMES = ("gradient", "hessian", "solve")
UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "year": 3.156e7}
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def results(lesson):
    """Made-up measurements: exact laws, scattered ones, and some that are not finished."""
    rng = np.random.default_rng(0)
    for number, settings in enumerate(some_settings(lesson, 200, seed=3)):
        powers = (2.0, 3.0, 3.0) if number % 4 == 0 else rng.uniform((1.2, 2.0, 1.5), (2.2, 3.2, 3.2))
        records = cost.made_up(powers, 10.0 ** rng.uniform((-9, -11, -11), (-7, -8, -8)))
        if number % 4 > 1:
            records = [
                one._replace(**{name: getattr(one, name) * rng.lognormal(0, 0.2) for name in TIMES}) for one in records
            ]
        done = len(SIZES) if number % 3 else int(rng.integers(0, len(SIZES)))
        yield lesson.experiment(cost.given_of(records[:done]), **settings)


def n(result):
    return result["settings"]["n"]


def measured(result, name):
    """The sizes and values that are known."""
    values = np.asarray(result["table"][name], float)
    return np.asarray(SIZES, float)[np.isfinite(values)], values[np.isfinite(values)]


def law(result, name):
    """(power, logarithm of the scale) of the straight line through the last known points."""
    sizes, values = measured(result, name)
    return np.polyfit(np.log(sizes[-LAST:]), np.log(values[-LAST:]), 1)


def at(result, name, size=None):
    power, scale = law(result, name)
    return np.exp(scale) * (n(result) if size is None else size) ** power


def quantity(text, units, value):
    """Whether "3 ms" or "80 GB" is this value."""
    count, unit = text.rsplit(" ", 1)
    size = units[unit if unit in units else unit.removesuffix("s")]
    slack = 3e-6 if default_float() == np.float64 else 3e-4
    return any(said(count, value / size * (1 + off)) for off in (0, slack, -slack))


def gradients(text, result, *names):
    return quantity(f"{text} s", {"s": 1.0}, sum(at(result, name) for name in names) / at(result, "gradient"))


def done(result):
    return len(measured(result, "solve")[0])


def whole(result, match):
    return (
        match["n"] == f"{n(result):,.0f}"
        and quantity(match["time"], UNITS, at(result, "hessian") + at(result, "solve"))
        and gradients(match["ratio"], result, "hessian", "solve")
    )


def ratio(result):
    return (at(result, "hessian") + at(result, "solve")) / at(result, "gradient")


SAYS = (
    Says(r"Nothing is measured yet\.", lambda r, m: done(r) == 0),
    Says(r"Press Measure\.", lambda r, m: done(r) == 0),
    Says(
        r"(?P<done>\d+) of (?P<all>\d+) sizes are measured; the laws of growth are fitted from (?P<least>\d+) on\.",
        lambda r, m: (int(m["done"]), int(m["all"]), int(m["least"])) == (done(r), len(SIZES), 4) and done(r) < 4,
    ),
    Says(r"For (?P<n>[\d,]+) unknowns a Newton step takes (?P<time>.+), as long as (?P<ratio>\S+) gradients\.", whole),
    Says(
        r"This n lies beyond the measured sizes, where the fitted laws extrapolate\.",
        lambda r, m: n(r) > max(measured(r, "solve")[0]),
    ),
    Says(r"This n lies within the measured sizes\.", lambda r, m: 32 <= n(r) <= max(measured(r, "solve")[0])),
    Says(
        r"Most of that time goes into the (?P<which>Hessian|solve)\.",
        lambda r, m: at(r, m["which"].lower()) > 0.499 * (at(r, "hessian") + at(r, "solve")),
    ),
    # After the prediction
    Says(
        r"Here the Hessian takes as long as (?P<hessian>\S+) gradients, and the solve as long as (?P<solve>\S+) more\.",
        lambda r, m: gradients(m["hessian"], r, "hessian") and gradients(m["solve"], r, "solve"),
    ),
    Says(
        r"A Hessian needs about as many operations as n gradients, and the solve comes on top\.",
        # By the counts on the page: 4 n^3 = n 4 n^2. It is said where a guess of the scale is too low.
        lambda r, m: ratio(r) > 1,
    ),
    Says(
        r"Operations done together, as for a Hessian or a solve, can run faster than the same number one by one\.",
        lambda r, m: ratio(r) < 1e7,
    ),
)


def fitted(name):
    def of(result):
        ends = np.array([SIZES[-LAST], max(n(result), SIZES[-1])])
        if len(measured(result, name)[0]) < LAST:
            return ends, np.full(2, np.nan)
        return ends, at(result, name, ends)

    return of


NAMES = (*TIMES, "gradient_bytes", "hessian_bytes")
DRAWN = {name: lambda r, name=name: (SIZES, r["table"][name]) for name in NAMES}
DRAWN |= {f"{name}/law": fitted(name) for name in NAMES}
AXES = {"time": ("unknowns n", ""), "memory": ("unknowns n", "")}
LANDMARKS = {
    "n/largest size": lambda value, r: value == max(SIZES),
    "n/a small network": lambda value, r: value == 1e5,
}


def table_slips(tables, result):
    if done(result) < LAST:
        return ["a table without laws"] if tables else []
    (table,), wrong = tables, []
    held = {"a gradient": np.dtype(default_float()).itemsize * n(result)}
    held["a Hessian"] = held["a gradient"] * n(result)
    names = {"a gradient": "gradient", "a Hessian": "hessian", "a solve with it": "solve"}
    assert {name for name, _ in table.rows} == set(names) and re.search(r"\d[\d,]*", table.caption)[
        0
    ] == f"{n(result):,.0f}"
    for name, (time, power, memory, grows) in table.rows:
        if not quantity(time.text, UNITS, at(result, names[name])):
            wrong.append(f"{name} takes {time.text}")
        if abs(float(power.text) - law(result, names[name])[0]) > 0.0501:
            wrong.append(f"{name} grows with {power.text}")
        if name in held and not quantity(memory.text, BYTES, held[name]):
            wrong.append(f"{name} holds {memory.text}")
        if name in held and float(grows.text) != (1 if names[name] == "gradient" else 2):
            wrong.append(f"the memory of {name} grows with {grows.text}")
    return wrong
