"""What Newton's step costs on this machine, measured (curriculum C5)."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from core.backend import default_float
from core.cost import LAST, SIZES, Measurement, growth, measurements
from core.problem import number
from lessons.controls import Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Panel
from lessons.lesson import Cell, Claim, Lesson, Settings, Table, Takeaway, Teaching
from lessons.prediction import Estimate
from lessons.words import brief, code, number_word

TIMES = ("gradient", "hessian", "solve")
MEMORY = ("gradient_bytes", "hessian_bytes")
MEASURED = Measurement._fields[1:]
BYTES = jnp.dtype(default_float()).itemsize
LARGEST = 1e6
BLUE, ORANGE = METHODS["gradient_descent"].colour, METHODS["newton"].colour
STYLES = {  # colour, dash, label: the methods' own colours, since one takes the first, the other the other two
    "gradient": (BLUE, "solid", "a gradient"),
    "hessian": (ORANGE, "dash", "a Hessian"),
    "solve": (ORANGE, "dot", "a solve with it"),
    "gradient_bytes": (BLUE, "solid", "the gradient"),
    "hessian_bytes": (ORANGE, "dash", "the Hessian"),
}
SECONDS = ((1e-6, "1 µs"), (1e-3, "1 ms"), (1.0, "1 s"), (3600.0, "1 h"), (3.15e7, "1 year"))
HOLDS = ((1e3, "1 kB"), (1e6, "1 MB"), (1e9, "1 GB"), (1e12, "1 TB"))

Times = dict[str, np.ndarray]


def given_of(records: Sequence[Measurement]) -> Times:
    """The table that `simulate` works with: one place for each of SIZES, nan where nothing is measured yet."""
    table = {name: np.full(len(SIZES), np.nan) for name in MEASURED}
    for record in records:
        for name in MEASURED:
            table[name][SIZES.index(record.n)] = getattr(record, name)
    return table


def nothing_measured(_settings: Settings) -> Times:
    """The table before the button is pressed."""
    return given_of(())


def simulate(table, n):
    """The laws of growth of what is measured so far, and what they say for n unknowns."""
    sizes = number(SIZES)
    laws = {name: growth(sizes, number(table[name])) for name in (*TIMES, *MEMORY, "gradient_work", "hessian_work")}
    ends = jnp.stack([sizes[-LAST], jnp.maximum(n, sizes[-1])])
    return {
        "table": {name: number(table[name]) for name in MEASURED},
        "powers": {name: law.power for name, law in laws.items()},
        "at": {name: law.at(n) for name, law in laws.items()},
        "ends": ends,
        "lines": {name: law.at(ends) for name, law in laws.items()},
        "holds": {"gradient": BYTES * n, "hessian": BYTES * n**2},
        "n": n,
    }


def draw(result):
    lines = []
    for panel, names in (("time", TIMES), ("memory", MEMORY)):
        for name in names:
            colour, dash, label = STYLES[name]
            answer = name in ("hessian", "solve")  # what the prediction asks for
            style = {"group": name.removesuffix("_bytes"), "colour": colour, "answer": answer}
            values = result["table"][name]
            lines += [
                Line(f"{name}/law", panel, result["ends"], result["lines"][name], label=f"{label}, fitted", dash=dash,
                     width=1.5, opacity=0.6, **style),
                Line(name, panel, np.broadcast_to(np.array(SIZES, float), values.shape), values, label=label, dash=dash,
                     width=2.5, role="path", dots=True, legend=panel == "time", **style),
            ]  # fmt: skip
    across = Axis(
        "unknowns n", (20.0, LARGEST), log=True, ticks=tuple((10.0**p, f"10{'²³⁴⁵⁶'[p - 2]}") for p in range(2, 7))
    )
    return Drawing(
        panels=(
            Panel("time", "time on this machine", across, Axis("", (1e-6, 1e10), log=True, ticks=SECONDS), big=True,
                  cursor="n"),
            Panel("memory", "memory", across, Axis("", (1e2, 1e14), log=True, ticks=HOLDS), cursor="n"),
        ),
        lines=tuple(lines),
    )  # fmt: skip


def known(result):
    """How many sizes have been measured."""
    return int(np.sum(np.isfinite(result["table"]["solve"])))


def ready(result):
    """Whether enough is measured for the laws of growth."""
    return known(result) >= LAST


def ratio(result):
    """How many gradients one Newton step takes as long as: Hessian and solve, by the fitted laws at n."""
    at = result["at"]
    return float((at["hessian"] + at["solve"]) / at["gradient"])


def reading(result):
    done = known(result)
    if not done:
        return "Nothing is measured yet. Press Measure."
    if not ready(result):
        return f"{done} of {len(SIZES)} sizes are measured; the laws of growth are fitted from {LAST} on."
    at, n = result["at"], float(result["n"])
    largest = max(n for n, time in zip(SIZES, result["table"]["solve"], strict=True) if np.isfinite(time))
    place = (
        "beyond the measured sizes, where the fitted laws extrapolate" if n > largest else "within the measured sizes"
    )
    return (
        f"For {n:,.0f} unknowns a Newton step takes {duration_word(float(at['hessian'] + at['solve']))}, as long as "
        f"{brief(ratio(result))} gradients. This n lies {place}. Most of that time goes into the "
        f"{'solve' if at['solve'] > at['hessian'] else 'Hessian'}."
    )


def table(result):
    """What the fitted laws say: time and memory at n, and the powers with which they grow."""
    if not ready(result):
        return ()
    at, powers, holds = result["at"], result["powers"], result["holds"]
    rows = []
    for name in TIMES:
        kept = (bytes_word(float(holds[name])), f"{powers[f'{name}_bytes']:.2f}") if name in holds else ("–", "–")
        texts = (duration_word(float(at[name])), f"{powers[name]:.1f}", *kept)
        rows.append((STYLES[name][2], tuple(Cell(text) for text in texts)))
    return Table(
        f"By the laws of growth, for {float(result['n']):,.0f} unknowns",
        ("time", "grows like n to the", "memory", "grows like n to the"),
        tuple(rows),
        numeric=True,
    )


def remark(result):
    """What Hessian and solve come to on this machine."""
    at = result["at"]
    hessian, solve = (float(at[name] / at["gradient"]) for name in ("hessian", "solve"))
    return (
        f"Here the Hessian takes as long as {brief(hessian)} gradients, and the solve as long as {brief(solve)} more."
    )


def hint(said, result):
    """What a number that was too high or too low overlooks."""
    if said < ratio(result):
        return "A Hessian needs about as many operations as n gradients, and the solve comes on top."
    return "Operations done together, as for a Hessian or a solve, can run faster than the same number one by one."


def duration_word(seconds):
    """Seconds in the unit that fits: "3 ms", "1 hour", "40 years"."""
    for size, unit in (
        (3.156e7, "years"),
        (86400.0, "days"),
        (3600.0, "hours"),
        (60.0, "minutes"),
        (1.0, "s"),
        (1e-3, "ms"),
    ):
        if seconds >= size:
            count = number_word(seconds / size)
            return f"{count} {unit.removesuffix('s') if count == '1' and len(unit) > 2 else unit}"
    return f"{brief(seconds / 1e-6)} µs"


def bytes_word(count):
    """Bytes in the unit that fits: "8 MB"."""
    units = {"TB": 1e12, "GB": 1e9, "MB": 1e6, "kB": 1e3}
    unit = next((unit for unit, size in units.items() if count >= size), "kB")
    return f"{brief(count / units[unit])} {unit}"


def made_up(powers=(2.0, 3.0, 3.0), scales=(1e-9, 3e-10, 1e-10)):
    """Records as exact power laws would give them: for tests of what is made of a measurement, never shown."""
    return [
        Measurement(
            n, *(scale * n**power for scale, power in zip(scales, powers, strict=True)), BYTES * n, BYTES * n**2,
            2.0 * BYTES * n, 2.0 * BYTES * n**2, 4.0 * n**2, 4.0 * n**3,
        )
        for n in SIZES
    ]  # fmt: skip


def _memory_claim(_lesson):
    few = list(measurements((16, 32, 64, 128)))
    sizes = number([record.n for record in few])
    found = {
        name: float(growth(sizes, number([getattr(record, name) for record in few])).power)
        for name in (*MEMORY, "gradient_work", "hessian_work")
    }
    exact = abs(found["gradient_bytes"] - 1) < 1e-9 and abs(found["hessian_bytes"] - 2) < 1e-9
    return found, exact and abs(found["gradient_work"] - 2) < 0.2 and abs(found["hessian_work"] - 3) < 0.2


def _fit_claim(lesson):
    result = lesson.experiment(given_of(made_up()), n=1e5)
    powers = [float(result["powers"][name]) for name in TIMES]
    wanted = (3e-10 + 1e-10) / 1e-9 * 1e5
    return (powers, ratio(result)), np.allclose(powers, (2, 3, 3)) and np.isclose(ratio(result), wanted)


def _take(settings):
    return "\n".join(
        [
            "from core.cost import SIZES, measurements",
            "",
            "records = []",
            "for record in measurements(SIZES[:3]):  # the last of SIZES takes longest",
            '    print(f"n = {record.n}: a gradient {record.gradient:.1e} s,"',
            '          f" a Hessian {record.hessian:.1e} s, a solve {record.solve:.1e} s")',
            "    records.append(record)",
            "memory = [record.hessian_bytes for record in records]",
            f"needed = memory[0] * ({settings['n']!r} / SIZES[0]) ** 2",
        ]
    )


def _taken(result):
    return {"memory": [BYTES * n**2 for n in SIZES[:3]], "needed": result["holds"]["hessian"]}


LESSON = Lesson(
    slug="newton-cost",
    title="What Newton costs",
    question="What does a Newton step cost on this machine?",
    text=(
        "A simulator $P(x) = 2x + \\sin(Ax)$ has $n$ unknowns and a dense $n \\times n$ matrix $A$. Gradient descent "
        "needs $\\nabla L$, $n$ numbers. It takes two products with $A$, about $4n^2$ operations. Newton’s method "
        "needs the Hessian $H$, the derivative of the gradient in $n$ directions: $n^2$ numbers and about $4n^3$ "
        "operations. It also solves $H\\,\\Delta x = -\\nabla L$, with $\\tfrac{2}{3}n^3$ operations. Measure all "
        "three for growing $n$, then drag $n$ beyond what was measured. The thin lines are the fitted laws."
    ),
    minutes=6,
    controls=(
        Slider(
            "n",
            "unknowns n",
            float(SIZES[0]),
            LARGEST,
            1e5,
            "log",
            landmarks=(Landmark("largest size", float(SIZES[-1])), Landmark("a small network", 1e5)),
        ),
        Legend("hide", TIMES),
    ),
    simulate=simulate,
    prepare=nothing_measured,
    draw=draw,
    reading=reading,
    prediction=Estimate(
        "For n = {n:,.0f} unknowns: how many gradients could be computed in the time of a single Newton step (a "
        "Hessian and a solve)?",
        1.0,
        1e7,
        ratio,
        3.0,
        "log",
        remark=remark,
        ready=ready,
        feedback=hint,
    ),
    table=table,
    why=(
        "A gradient costs about as much as running the simulator a few times: here two products with $A$, so about "
        "$n^2$ operations. The Hessian is the derivative of the gradient in each of $n$ directions: $n^3$ operations, "
        "$n^2$ numbers. Solving with it takes another $\\tfrac{2}{3} n^3$. That is what was timed:\n\n"
        + code(measurements)
        + "\n\n"
        "The exponent is the slope in the logarithmic figure, fitted to the largest sizes only: for small ones it "
        "takes longer to start a program than to run it. Quasi-Newton methods need no Hessian and no solve. BFGS still "
        "holds a matrix of $n^2$ numbers, L-BFGS holds a few vectors ([Quasi-Newton](quasi-newton))."
    ),
    limits=(
        "Times are those of the machine that runs this page, with whatever else it is doing; the fitted exponents "
        "vary by some tenths from run to run, and caches bend the lines. An extrapolation trusts a straight line "
        "far beyond its points. Memory is exact: the exponents 1 and 2 are counted. A simulator with a sparse "
        "Jacobian has a sparse Hessian, which costs far less; one can also solve with products $Hv$ alone and never "
        "form $H$."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Dependence on Hessian”.",
        "All numbers are measured here.",
    ),
    claims=(
        Claim(
            "Memory grows exactly like n and n squared; XLA counts about n squared and n cubed operations for "
            "gradient and Hessian.",
            _memory_claim,
            rows=("C5",),
        ),
        Claim("The law of growth is found again in made-up times.", _fit_claim, rows=("C5",)),
    ),
    symbols=("x", "gradient", "hessian", "newton", "gd", "bfgs", "loglog"),
    takeaway=Takeaway(_take, _taken),
    teaching=Teaching(
        misconception="A Newton step is a gradient step with a better direction: slower, but not by much.",
        demo=(
            ("At the largest size that was measured.", {"n": float(SIZES[-1])}),
            ("At the size of a small network: its Hessian would hold 80 GB.", {"n": 1e5}),
            ("At a million unknowns it would hold 8 TB.", {"n": 1e6}),
        ),
        room=(
            "Newton needs 5 steps, gradient descent 5,000. From which n on is gradient descent faster here? Listen "
            "for: where one step costs a thousand gradients, to be read off the figure, and for: unless memory ends "
            "before."
        ),
    ),
    alt="Time of a gradient, a Hessian and a solve against the number of unknowns, with fitted lines; memory likewise.",
)
