"""Time reversal: what its page says and draws."""

import numpy as np

from core.heat import plateaus
from tests.shown.kit import Says, precision, said

SCHEMES = {
    "explicit_euler": "explicit Euler",
    "symplectic_euler": "symplectic Euler",
    "leapfrog": "leapfrog",
    "rk4": "Runge–Kutta 4",
}
START, FRAMES = np.array([1.0, 0.0]), 30
COUNTS = np.array([4, 8, 16, 32, 64, 128])
K2 = (8 * np.pi) ** 2  # of the finest of eight waves
LONGEST = 450 * 0.1 / K2
PLACES = (
    {"zeta": 0.0, "precision": "float32", "steps": 120.0, "periods": 0.54},
    {"zeta": 0.0},
    {"zeta": 0.1},
    {"zeta": 0.01, "steps": 4.0, "periods": 3.0},
)


def step_matrix(name, h, zeta):
    """One step of a scheme on the linear oscillator, as a matrix."""

    def kick(dt):
        return np.array([[1.0, 0.0], [-dt, 1 - 2 * zeta * dt]])

    drift, whole = np.array([[1.0, h], [0.0, 1.0]]), h * np.array([[0.0, 1.0], [-1.0, -2 * zeta]])
    if name == "symplectic_euler":
        return drift @ kick(h)
    if name == "leapfrog":
        return kick(h / 2) @ drift @ kick(h / 2)
    found = term = np.eye(2)
    for power in range(1, 2 if name == "explicit_euler" else 5):
        term = term @ whole / power
        found = found + term
    return found


def there_and_back(result, name, count):
    """Every state on the way there, and on the way back: (count + 1, 2) each."""
    h, zeta = 2 * np.pi * result["settings"]["periods"] / count, result["settings"]["zeta"]
    there, back = [START], []
    for _ in range(count):
        there.append(step_matrix(name, h, zeta) @ there[-1])
    back.append(there[-1])
    for _ in range(count):
        back.append(step_matrix(name, -h, zeta) @ back[-1])
    return np.array(there), np.array(back)


def in_float64(result):
    return precision() == "float64" and result["settings"]["precision"] == "float64"


def road(result, name):
    """31 frames there and 30 back; where float32 has computed, its own: rounding tells the two apart."""
    if not in_float64(result):
        return np.asarray(result["roads"][name], float)
    count = round(result["settings"]["steps"])
    frames = np.round(np.linspace(0, 1, FRAMES + 1) * count).astype(int)
    there, back = there_and_back(result, name, count)
    return np.concatenate([there[frames], back[frames[1:]]])


def distances(result):
    return {name: float(np.nan_to_num(value, nan=np.inf)) for name, value in result["now"].items()}


def measured(result, name):
    """The distance from the start is that between the last state and the start; in float64 as on paper."""
    found = distances(result)[name]
    if in_float64(result) and name != "leapfrog":
        own = np.linalg.norm(there_and_back(result, name, round(result["settings"]["steps"]))[1][-1] - START)
        return found if np.isclose(found, own, rtol=1e-4, atol=1e-9) else np.nan
    return found


def placed(result, match, best):
    (name,) = [name for name, label in SCHEMES.items() if label.removesuffix(" 4") == match["who"]]
    steps = "steps" not in match.groupdict() or int(match["steps"]) == round(result["settings"]["steps"])
    extreme = best(distances(result).values()) == distances(result)[name]
    return steps and extreme and said(match["away"], measured(result, name))


def rounding(result):
    single = precision() == "float32" or result["settings"]["precision"] == "float32"
    return np.finfo(np.float32 if single else np.float64).eps / 2


def damped(result, _match=None):
    return result["settings"]["zeta"] > 0


def undamped(result, _match=None):
    return result["settings"]["zeta"] == 0


def closest(result):
    return min(distances(result), key=distances(result).get)


SAYS = (
    Says(
        r"After (?P<steps>\d+) time steps there and as many back, (?P<who>.+) is nearest to the start, (?P<away>\S+) "
        r"away\.",
        lambda r, m: placed(r, m, min),
    ),
    Says(r"Farthest is (?P<who>.+), (?P<away>\S+) away\.", lambda r, m: placed(r, m, max)),
    Says(
        r"Heat, stepped with Runge–Kutta, comes back from the longest time with an error larger than its profile\.",
        lambda r, m: r["heat"]["errors"][-1] > np.linalg.norm(plateaus(8)),
    ),
    # After the prediction
    Says(
        r"Here more than one scheme returns to within rounding, so none of them is the closest\.",
        lambda r, m: sorted(distances(r).values())[1] <= 10.1 * rounding(r),
    ),
    Says(r"With friction no scheme is symmetric\.", damped),
    Says(
        r"Here (?P<who>.+) ends closest, but no property of the schemes tells so beforehand\.",
        lambda r, m: SCHEMES[closest(r)] == m["who"] != "Runge–Kutta 4",
    ),
    Says(
        r"With friction leapfrog is no longer symmetric; now the small error of Runge–Kutta counts\.",
        lambda r, m: damped(r) and closest(r) == "rk4",
    ),
    Says(
        r"What counts here is neither the order of a scheme nor what it conserves, but symmetry: is a step with −Δt "
        r"the exact inverse of a step with Δt\?",
        lambda r, m: undamped(r) and closest(r) == "leapfrog",
    ),
    Says(
        r"An explicit Euler step with −Δt does not undo one with Δt: it uses the slope at the other end of the step\.",
        lambda r, m: closest(r) != "explicit_euler",
    ),
    Says(
        r"Symplectic Euler conserves areas in phase space, but to undo a kick and a drift, the drift would have to be "
        r"undone first\.",
        lambda r, m: closest(r) != "symplectic_euler",
    ),
    Says(
        r"Leapfrog undoes itself only if the forces do not depend on the velocity; friction does\.",
        lambda r, m: damped(r) and distances(r)["leapfrog"] > 10 * rounding(r),
    ),
    Says(
        r"Runge–Kutta 4 is more accurate, but a small error is not an exact inverse\.",
        lambda r, m: undamped(r) and distances(r)["rk4"] > distances(r)["leapfrog"],
    ),
)  # fmt: skip
if precision() == "float32":  # in float64 rounding errors stay too small for it
    SAYS += (
        Says(
            r"Here rounding errors grow on the way, and they decide that (?P<who>.+) ends closest\.",
            lambda r, m: undamped(r) and closest(r) != "leapfrog" and distances(r)["leapfrog"] > 10 * rounding(r),
        ),
    )


def way_there(result, name):
    states = road(result, name)
    return np.concatenate([states[: FRAMES + 1], np.repeat(states[FRAMES : FRAMES + 1], FRAMES, axis=0)]).T


def way_back(result, name):
    states = road(result, name)
    return np.concatenate([np.repeat(states[FRAMES : FRAMES + 1], FRAMES, axis=0), states[FRAMES:]]).T


def enlarged(result, name):
    """The last step back, 100 times as large about the start at (2.2, 2.2), cut at the frame of half width 0.8."""
    came, end = (100 * (np.asarray(state, float) - START) for state in result["last"][name])
    if not np.max(np.abs(end)) <= 0.8:
        return np.full((2, 2), np.nan)
    way = came - end
    cuts = [
        (0.8 * side - end[k]) / way[k]
        for k in (0, 1)
        for side in (-1, 1)
        if way[k] and (0.8 * side - end[k]) / way[k] >= 0
    ]
    return 2.2 + np.stack([end + min([1.0, *cuts]) * way, end]).T


def errors(result, name):
    """From the start after the return, for 4 to 128 steps; what is all rounding is the run's own."""
    found = np.asarray(result["errors"][name], float)
    if in_float64(result) and name in ("explicit_euler", "symplectic_euler"):
        found = [np.linalg.norm(there_and_back(result, name, count)[1][-1] - START) for count in COUNTS]
    return COUNTS, np.maximum(found, 1e-17)


def orbit(result):
    """The exact solution: a damped cosine."""
    zeta, times = result["settings"]["zeta"], 2 * np.pi * result["settings"]["periods"] * np.linspace(0, 1, 97)
    d = np.sqrt(1 - zeta**2)
    wave = np.cos(d * times) + zeta / d * np.sin(d * times)
    return np.exp(-zeta * times) * wave, -np.exp(-zeta * times) * np.sin(d * times) / d


def growth(result, times):
    return rounding(result) * np.exp(K2 * np.asarray(times))


DRAWN = {f"{name}/there": lambda r, name=name: way_there(r, name) for name in SCHEMES}
DRAWN |= {f"{name}/back": lambda r, name=name: way_back(r, name) for name in SCHEMES}
DRAWN |= {f"{name}/end": lambda r, name=name: enlarged(r, name) for name in SCHEMES}
DRAWN |= {f"{name}/errors": lambda r, name=name: errors(r, name) for name in SCHEMES}
DRAWN |= {
    "orbit": orbit,
    "heat": lambda r: (0.1 / K2 * np.arange(451), np.maximum(r["heat"]["errors"], 1e-17)),
    "growth": lambda r: ([0, LONGEST], growth(r, [0, LONGEST])),
}


def on_the_growth(result):
    """Where the label stands: at 10⁻⁸, or a little into the line where rounding is more."""
    start = growth(result, 0.0)
    place = np.log(1e-8 / start) / K2 if start < 1e-8 else LONGEST / 12
    return place, growth(result, place)


MARKS = {
    "start": lambda r: START,
    "start-large": lambda r: (2.2, 2.2),
    "enlarged": lambda r: ((1.4, 3.0), (1.4, 3.0)),
    "growth-here": on_the_growth,
}
LABELS = {"start": "start", "enlarged": "start × 100", "growth-here": "rounding × exp(νk²t)"}
AXES = {"phase": ("position", "velocity"), "errors": ("time steps each way", ""), "heat": ("νt, one way", "")}
LANDMARKS = {
    "steps/ωΔt = 2": lambda value, r: np.isclose(2 * np.pi * r["settings"]["periods"] / value, 2, rtol=1e-5),
    "zeta/none": lambda value, r: value == 0,
}
