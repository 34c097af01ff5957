"""What Newton's step costs on this machine, measured (curriculum C5)."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from core.backend import default_float
from core.cost import LAST, SIZES, Measurement, growth, measurements
from core.problem import number
from lessons.controls import Landmark, Legend, Slider
from lessons.figures import METHODS, Axis, Drawing, Line, Panel
from lessons.lesson import Claim, Lesson, Settings, Takeaway, Teaching
from lessons.prediction import Estimate
from lessons.words import code, number_word, share_word

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

Table = dict[str, np.ndarray]


def given_of(records: Sequence[Measurement]) -> Table:
    """The table that `simulate` works with: one place for each of SIZES, nan where nothing is measured yet."""
    table = {name: np.full(len(SIZES), np.nan) for name in MEASURED}
    for record in records:
        for name in MEASURED:
            table[name][SIZES.index(record.n)] = getattr(record, name)
    return table


def nothing_measured(_settings: Settings) -> Table:
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
    powers, at = result["powers"], result["at"]
    partly = "" if done == len(SIZES) else f"So far, with {done} of {len(SIZES)} sizes: "
    return (
        f"{partly}For {float(result['n']):,.0f} unknowns a Newton step would take "
        f"{duration_word(float(at['hessian'] + at['solve']))}, as long as {number_word(ratio(result))} gradients of "
        f"{duration_word(float(at['gradient']))} each. Its Hessian would hold "
        f"{bytes_word(float(result['holds']['hessian']))}. Fitted to the largest sizes, time grows like n to the "
        f"{powers['gradient']:.1f} for a gradient, {powers['hessian']:.1f} for a Hessian, {powers['solve']:.1f} for a "
        f"solve; memory like n to the {powers['gradient_bytes']:.2f} and {powers['hessian_bytes']:.2f}."
    )


def remark(result):
    """What a Hessian's n gradients come to on this machine."""
    at, n = result["at"], float(result["n"])
    share = float(at["hessian"] / at["gradient"]) / n
    saved = f"{share_word(share)} {'of ' if share <= 1 else ''}the time that they would take one by one"
    return (
        f"A Hessian is {n:,.0f} gradients’ worth of work; together they take {saved}. The solve takes as long as "
        f"{number_word(float(at['solve'] / at['gradient']))} gradients more."
    )


def duration_word(seconds):
    """Seconds in the unit that fits: "3 ms", "2 hours", "40 years"."""
    for size, unit in (
        (3.156e7, "years"),
        (86400.0, "days"),
        (3600.0, "hours"),
        (60.0, "minutes"),
        (1.0, "s"),
        (1e-3, "ms"),
    ):
        if seconds >= size:
            return f"{number_word(seconds / size)} {unit}"
    return f"{number_word(seconds / 1e-6)} µs"


def bytes_word(count):
    """Bytes in the unit that fits: "8 MB"."""
    units = {"TB": 1e12, "GB": 1e9, "MB": 1e6, "kB": 1e3}
    unit = next((unit for unit, size in units.items() if count >= size), "kB")
    return f"{number_word(count / units[unit])} {unit}"


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
        "A simulator $P(x) = 2x + \\sin(Ax)$ has $n$ unknowns and a dense matrix $A$. Gradient descent needs $\\nabla "
        "L$, which is $n$ numbers. Newton’s method needs the Hessian, $n \\times n$ numbers, and has to solve "
        "$H\\,\\Delta x = -\\nabla L$. Measure all three for growing $n$; then drag $n$ beyond what was measured: "
        "the thin lines are the fitted laws."
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
            landmarks=(Landmark("largest measured", float(SIZES[-1])), Landmark("a small network", 1e5)),
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
    ),
    why=(
        "A gradient costs about as much as running the simulator a few times: here two products with $A$, so about "
        "$n^2$ operations. The Hessian is the derivative of the gradient in each of $n$ directions: $n^3$ operations, "
        "$n^2$ numbers. Solving with it takes another $\\tfrac{2}{3} n^3$. That is what was timed:\n\n"
        + code(measurements)
        + "\n\n"
        "The exponent is the slope in the logarithmic figure, fitted to the largest sizes only: for small ones it "
        "takes longer to start a program than to run it. Quasi-Newton methods avoid all this: BFGS holds a matrix but "
        "neither computes nor solves it, L-BFGS holds a few vectors ([Quasi-Newton](quasi-newton))."
    ),
    limits=(
        "Times are those of the machine that runs this page, with whatever else it is doing; the fitted exponents "
        "vary by some tenths from run to run, and caches bend the lines. Whoever extrapolates trusts a straight line "
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
