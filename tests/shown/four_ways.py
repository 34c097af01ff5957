"""Four ways down: what its page says and draws."""

import numpy as np

from tests.shown.kit import Says, said

ALL = ("gradient_descent", "newton", "inverse_gradient", "inverse_simulator")
NAMES = {
    "gradient descent": "gradient_descent",
    "Newton": "newton",
    "the inverse gradient": "inverse_gradient",
    "the inverse simulator": "inverse_simulator",
}
LINEAR = ("scaled", "sheared")
PLACES = (
    {"start": (0.0, 0.0)},
    {"start": (3.0, 0.0)},
    {"problem": "sheared", "step": 4},
    {"problem": "scaled", "start": (0.0, 4.0)},
    {"start": (0.0, 2.0), "problem": "squared", "eta_gd": 0.02},
    {"start": (3.0, 4.0), "eta_gd": 0.2},
    {"inverse": "numerical", "eta": 0.6},
    {"inverse": "numerical"},
    {"problem": "sine", "start": (1.4, -0.2), "eta_newton": 0.3},
)
TURN = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])


def forward(problem, x):
    """P, written out."""
    x = np.asarray(x, float)
    u = np.where(np.abs(x) < 1e100, x, np.nan) @ TURN.T
    with np.errstate(all="ignore"):
        return _forward(problem, x, u)


def _forward(problem, x, u):
    return {
        "squared": lambda: np.stack([x[..., 0], x[..., 1] ** 2], -1),
        "scaled": lambda: np.stack([x[..., 0], 4 * x[..., 1]], -1),
        "sheared": lambda: np.stack([x[..., 0] + 2 * x[..., 1], 3 * x[..., 1]], -1),
        "sine": lambda: np.stack([np.sin(u[..., 0]) / 4, 4 * u[..., 1]], -1),
    }[problem]()


def target(result):
    """P of the solution, or 0: in the precision of the run, as a tiny gap to it is a difference of roundings."""
    own = forward("sine", [-0.7, -0.5]) if result["settings"]["problem"] == "sine" else np.zeros(2)
    given = np.asarray(result["target"], float)
    return given if np.allclose(given, own, rtol=1e-5, atol=1e-7) else own


def jacobian(result, x):
    problem, x = result["settings"]["problem"], np.asarray(x, float)
    if problem == "squared":
        return np.diag([1.0, 2 * x[1]])
    if problem == "sine":
        return np.diag([np.cos((TURN @ x)[0]) / 4, 4.0]) @ TURN
    return {"scaled": np.diag([1.0, 4.0]), "sheared": np.array([[1.0, 2.0], [0.0, 3.0]])}[problem]


def hessian(result, x):
    """Of |P(x) − y*|²."""
    problem, J, x = result["settings"]["problem"], jacobian(result, x), np.asarray(x, float)
    gap = forward(problem, x) - target(result)
    second = np.zeros((2, 2))
    if problem == "squared":
        second[1, 1] = 2 * gap[1]
    if problem == "sine":
        second = -gap[0] * np.sin((TURN @ x)[0]) / 4 * np.outer(TURN[0], TURN[0])
    return 2 * (J.T @ J + second)


def deviations(result, name):
    """The distance of each y from the straight line over its length, each component over its own gap."""
    y, aim = np.asarray(result["paths"][name].y, float), target(result)
    gap = aim - y[0]
    units = np.where(np.abs(gap) > 1e-9 * np.linalg.norm(gap), np.abs(gap), np.linalg.norm(gap))
    line, offset = gap / units, (y - y[0]) / units
    with np.errstate(all="ignore"):
        return np.abs(offset[:, 0] * line[1] - offset[:, 1] * line[0]) / (line @ line)


def deviation(result, name):
    return np.max(deviations(result, name))


def solved(result, _match=None):
    return np.all(forward(result["settings"]["problem"], result["settings"]["start"]) == target(result)) or np.allclose(
        result["paths"]["newton"].y[0], target(result), atol=1e-7
    )


def named(text):
    return {NAMES[label] for label in text.replace(" and ", ", ").split(", ")}


def straight(result):
    """Straight to 1/10,000, with room for rounding of the threshold."""
    sure = {name for name in ALL if deviation(result, name) < 0.99e-4}
    return sure, sure | {name for name in ALL if deviation(result, name) < 1.01e-4}


def are_straight(result, names):
    sure, possible = straight(result)
    return sure <= set(names) <= possible


def in_y(result, match):
    """Which paths are straight, and by how much the others named deviate."""
    rest = match["rest"] or ""
    told = [part.rsplit(" deviates by up to ", 1) for part in rest.split("; ") if part]
    right = all(said(share.removesuffix(" of the line"), deviation(result, NAMES[name])) for name, share in told)
    if match["only"]:
        names = named(match["only"])
    elif match["these"]:
        names = named(match["these"])
    else:
        names = ALL if match["all"] else ()
    untold = {"newton", "inverse_gradient"} - set(names) - {NAMES[name] for name, _ in told}
    return right and are_straight(result, names) and not any(np.isfinite(deviation(result, name)) for name in untold)


def ends(result, match):
    """Each clause about the end of a path, and no method left out that diverges."""
    told = set()
    for clause in match["clauses"].split("; "):
        clause = clause[0].lower() + clause[1:] if not clause.startswith("Newton") else clause
        name = next(known for label, known in NAMES.items() if clause.startswith(label))
        told.add(name)
        if not clause_holds(result, name, clause):
            return False
    return told >= {name for name in ALL if not np.all(np.isfinite(result["paths"][name].x))}


def clause_holds(result, name, clause):
    x, loss = np.asarray(result["paths"][name].x, float), np.asarray(result["paths"][name].loss, float)
    finite = np.all(np.isfinite(x), axis=1) & np.isfinite(loss)
    if "singular" in clause:
        last = x[np.argmin(finite) - 1]
        matrix = {"newton": hessian, "inverse_gradient": jacobian}[name](result, last)
        if ("Hessian" if name == "newton" else "Jacobian") not in clause:
            return False
        at_start = np.argmin(finite) == 1
        return not finite.all() and np.linalg.cond(matrix) > 1e5 and at_start == clause.endswith("at the start")
    if "diverges" in clause:
        grown = loss[finite][-1] > 10 * loss[0] or not finite.all()
        return grown and (name != "gradient_descent" or eta_limit(result) < result["settings"]["eta_gd"])
    steps = np.linalg.norm(np.diff(x, axis=0), axis=1)
    return (
        name == "newton"
        and finite.all()
        and steps[-1] < 0.1 * steps.max()
        and np.linalg.eigvalsh(hessian(result, x[-1]))[0] < 0
    )


def eta_limit(result):
    return 2 / np.linalg.eigvalsh(hessian(result, result["settings"]["start"]))[-1]


def searched(result):
    return result["settings"]["inverse"] == "numerical"


def apart(result, space):
    """Between the paths by search and by formula."""
    return np.abs(getattr(result["paths"]["inverse_simulator"], space) - getattr(result["formula"], space))


def by_formula(result):
    """The analytic inverse's path, from the start by hand: y goes η of the gap at each step."""
    eta, start = result["settings"]["eta"], forward(result["settings"]["problem"], result["settings"]["start"])
    left = (1 - eta) ** np.arange(31)[:, None]
    return target(result) + left * (start - target(result))


def special(result, match):
    """Another set of straight paths than those of the options."""
    sets = ({"inverse_simulator"}, set(ALL), set(ALL) - {"gradient_descent"}, {"newton"}, {"gradient_descent"})
    names = named(match["only"] or match["these"]) if match["only"] or match["these"] else set()
    return straight(result)[0] not in sets and are_straight(result, names)


CLAUSE = (
    r"(?:Newton|[Gg]radient descent|[Tt]he inverse (?:gradient|simulator)) (?:diverges|"
    r"converges to a saddle, where one curvature is negative|"
    r"stops, as the (?:Hessian|Jacobian) is singular (?:at the start|on its path))"
)  # fmt: skip
SAYS = (
    Says(r"You start at a solution, so there is nothing to do\.", solved),
    Says(r"Move the start\.", solved),
    Says(
        r"(?:(?P<all>All four paths in y are straight)|Only the path of (?P<only>[^;.]+) is straight in y|"
        r"The paths of (?P<these>[^;.]+) are straight in y|No path in y is straight)(?:; (?P<rest>.+))?\.",
        in_y,
    ),
    Says(rf"(?P<clauses>{CLAUSE}(?:; {CLAUSE})*)\.", ends),
    Says(
        r"By search, the inverse simulator’s coordinates differ by (?P<gap>\S+) on average from those by formula\.",
        lambda r, m: searched(r) and said(m["gap"], np.mean(apart(r, "x"))) and apart(r, "x").max() < 0.011,
    ),
    Says(
        r"At least one search lands on another solution of P\(x\) = y \+ Δy, so the path differs in x, not in y\.",
        lambda r, m: searched(r)
        and apart(r, "x").max() > 0.0099
        and np.allclose(r["paths"]["inverse_simulator"].y, by_formula(r), atol=0.011),
    ),
    # After the prediction
    Says(r"The start is a solution, so there is no path to ask about\.", solved),
    Says(
        r"These settings are a special case: (?:only the path of (?P<only>[^;.]+) is straight in y|"
        r"the paths of (?P<these>[^;.]+) are straight in y|no path in y is straight)\.",
        special,
    ),
    Says(
        r"From this start every method changes y along the gap y\* − y only\.",
        lambda r, m: straight(r)[1] == set(ALL),
    ),
    Says(
        r"The inverse simulator lands on y \+ Δy itself; the others use derivatives, which change along a step\.",
        lambda r, m: (r["settings"]["problem"] not in LINEAR)
        and np.allclose(r["paths"]["inverse_simulator"].y, by_formula(r), rtol=1e-4, atol=1e-4),
    ),
    Says(
        r"From this start the inverse methods change y along the gap y\* − y only\.",
        lambda r, m: straight(r)[1] >= set(ALL) - {"gradient_descent"},
    ),
    Says(
        r"P is linear, so J is the same everywhere and a step by J⁻¹ or H⁻¹ is exact\.",
        lambda r, m: r["settings"]["problem"] in LINEAR,
    ),
    Says(
        r"To first order its change of y is −2η J Jᵀ \(y − y\*\)\.",
        lambda r, m: np.allclose(
            jacobian(r, r["settings"]["start"])
            @ (r["paths"]["gradient_descent"].x[1] - np.asarray(r["settings"]["start"])),
            first_order(r),
            rtol=1e-3,
            atol=1e-3,
        ),
    ),
    Says(r"That points at y\* only where J Jᵀ keeps the direction\.", lambda r, m: True),
    Says(
        r"Newton’s step is exact for a quadratic loss\.",
        lambda r, m: r["settings"]["problem"] not in LINEAR or deviation(r, "newton") < 1e-4,
    ),
    Says(
        r"If P is curved L is not quadratic; if P is linear, the other two inverse methods are exact as well\.",
        lambda r, m: r["settings"]["problem"] not in LINEAR or deviation(r, "inverse_gradient") < 1e-4,
    ),
    Says(
        r"Where P is linear along the path, a step by J⁻¹ lands on y \+ Δy as well\.",
        lambda r, m: deviation(r, "inverse_gradient") < 1.01e-4,
    ),
    Says(
        r"From this start gradient descent changes y along the gap only, so its path is straight too\.",
        lambda r, m: deviation(r, "gradient_descent") < 1.01e-4,
    ),
    Says(
        r"J and H hold at the current x only, and P is curved, so a step by J⁻¹ or H⁻¹ misses y \+ Δy\.",
        lambda r, m: r["settings"]["problem"] not in LINEAR and deviation(r, "inverse_gradient") > 0.99e-4,
    ),
    Says(
        r"J Jᵀ turns the gap y\* − y, so gradient descent leaves the straight line\.",
        lambda r, m: not deviation(r, "gradient_descent") < 0.99e-4,
    ),
)  # fmt: skip


def first_order(result):
    """−2η J Jᵀ (y − y*) at the start."""
    start = result["settings"]["start"]
    J, gap = jacobian(result, start), forward(result["settings"]["problem"], start) - target(result)
    return -2 * result["settings"]["eta_gd"] * J @ J.T @ gap


def nearest(result):
    """Of the solutions of P(x) = y* the one nearest to the start; of equal ones, the upper."""
    problem, start = result["settings"]["problem"], np.asarray(result["settings"]["start"], float)
    if problem != "sine":
        return np.zeros(2)
    first = (TURN @ [-0.7, -0.5])[0]
    turns = 2 * np.pi * np.arange(-3, 4)
    u = np.array([[one, (TURN @ [-0.7, -0.5])[1]] for one in (*(first + turns), *(np.pi - first + turns))])
    x = u @ TURN
    return x[np.argmin(np.linalg.norm(x - start, axis=1))]


def effects(result, name):
    """P of the path; far away the sine of a float32 is noise."""
    path = result["paths"][name]
    near = np.abs(path.x) < 30
    return np.where(near.all(axis=1, keepdims=True), forward(result["settings"]["problem"], path.x), path.y)


def drawn_deviations(result, name):
    """Own numbers; where they are rounding, or agree to 1e-5, the result's, which is no worse."""
    own, given = deviations(result, name), np.asarray(result["deviations"][name], float)
    close = np.isclose(own, given, rtol=1e-3, atol=1e-4) | (own > 1e15)
    return np.maximum(np.where(close, given, own), 1e-17)


DRAWN = {f"{name}/x": lambda r, name=name: np.asarray(r["paths"][name].x, float).T for name in ALL}
DRAWN |= {f"{name}/y": lambda r, name=name: effects(r, name).T for name in ALL}
DRAWN |= {f"{name}/deviation": lambda r, name=name: (np.arange(31), drawn_deviations(r, name)) for name in ALL}
DRAWN |= {"straight": lambda r: np.stack([forward(r["settings"]["problem"], r["settings"]["start"]), target(r)]).T}
MARKS = {"minimum": nearest, "target": target}
LABELS = {"minimum": "nearest solution", "target": "y*"}
AXES = {
    "x": ("x₁", "x₂"),
    "y": ("y₁", "y₂"),
    "deviation": ("iteration", "share of its length"),
}
LANDMARKS = {
    "eta_gd/textbook": lambda value, r: value == 0.01,
    "eta_gd/limit at the start": lambda value, r: np.isclose(value, eta_limit(r), rtol=1e-4),
    "eta_newton/textbook": lambda value, r: value == 1 / 3,
    "eta_newton/full step": lambda value, r: value == 1,
    "eta/textbook": lambda value, r: value == 0.3,
    "eta/full step": lambda value, r: value == 1,
}
FIELDS = {"loss-field": lambda x, y, r: np.sum((forward(r["settings"]["problem"], [x, y]) - target(r)) ** 2)}
