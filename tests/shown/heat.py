"""What heat forgets: what its page says and draws."""

import numpy as np

from core.heat import plateaus
from lessons.deep.heat import NOISE
from lessons.deep.heat import PLACES as ALONG
from tests.shown.kit import Says, precision, said

N, STEPS, FAINTEST = 20, 64, 1e-10
K = np.pi * np.arange(1, N + 1)
SINES = np.sqrt(2 / (N + 1)) * np.sin(np.outer(np.arange(1, N + 1) / (N + 1), K))  # its own inverse
BEFORE = np.asarray(plateaus(N), float)
PLACES = (
    {"kept": 5.0},
    {"kept": 11.0},
    {"time": 1e-5, "noise": 1e-8, "kept": 20.0},
    {"time": 0.03, "noise": 1e-8, "kept": 20.0},
)


def settings(result):
    return result["settings"]["time"], result["settings"]["noise"], round(result["settings"]["kept"])


def factors(result):
    return np.exp(-(K**2) * settings(result)[0])


def clean(result):
    """The amplitudes after t."""
    return factors(result) * (SINES @ BEFORE)


def heights(result):
    return np.abs(clean(result))


def recovered(result, count):
    """The profile on the points with `count` waves brought back."""
    measured = clean(result) + settings(result)[1] * (SINES @ NOISE)
    return SINES @ np.where(np.arange(N) < count, measured / factors(result), 0)


def errors(result):
    return np.array([np.sqrt(np.mean((recovered(result, count) - BEFORE) ** 2)) for count in range(N + 1)])


def between(profile):
    """The sum of the sine waves at the places that are drawn."""
    return np.sqrt(2 / (N + 1)) * np.sin(np.outer(ALONG, K)) @ (SINES @ profile)


def standing(result):
    """The last wave whose height is above the noise."""
    return max((k + 1 for k in range(N) if heights(result)[k] > settings(result)[1]), default=0)


def is_least(result, match):
    """The error with that many waves is the least of the run, and the run's errors are those of the formula."""
    found = np.asarray(result["errors"], float)
    least = int(match["best"])
    agrees = precision() == "float32" or np.allclose(found, errors(result), rtol=1e-4, atol=1e-6)
    return agrees and found[least] <= found.min()


def gain(result, low, high):
    """By how much the squared error falls if the waves low + 1 to high are brought back."""
    found = np.asarray(result["errors"], float)
    return found[low] ** 2 - found[high] ** 2


def best(result):
    return int(np.argmin(np.asarray(result["errors"], float)))


def fewer(result, _match):
    """All waves beyond the best taken together raise the error: their noise outweighs what they restore."""
    return all(gain(result, best(result), high) <= 0 for high in range(best(result) + 1, N + 1))


def more(result, _match):
    return all(gain(result, low, best(result)) > 0 for low in range(best(result)))


def on_screen(result, side):
    return np.sign(settings(result)[2] - best(result)) == side


def none_finer(result, match):
    above = heights(result)[int(match["best"]) :]
    return is_least(result, match) and not np.any(above > settings(result)[1])


def counted(match):
    return N if match["count"].lower() == f"all {N}" else int(match["count"].split()[0])


def above(result):
    return int(np.sum(factors(result) > settings(result)[1]))


SAYS = (
    Says(
        r"The recovered profile is off by (?P<off>\S+)\.",
        lambda r, m: said(m["off"], r["errors"][settings(r)[2]]),
    ),
    Says(r"The error is least with (?P<best>\d+) waves?: no finer one has a height above the noise\.", none_finer),
    Says(
        r"The error is least with (?P<best>\d+) waves?; the last whose height is above ε is wave (?P<last>\d+)\.",
        lambda r, m: is_least(r, m) and int(m["last"]) == standing(r) != int(m["best"]),
    ),
    # The reading's advice speaks of the waves on screen, that of the prediction of the student's number.
    Says(r"Keep fewer: together, the finer waves bring back more noise than profile\.", fewer),
    Says(
        r"Keep more: together, the waves that are missing would bring back more of the profile than noise\.",
        more,
    ),
    Says(r"No other number of waves does better\.", lambda r, m: on_screen(r, 0)),
    # After the prediction
    Says(
        r"Here the factors tell as much as the heights; (?P<count>all 20|\d+ of 20) (have|has) a factor above ε\.",
        lambda r, m: counted(m) == above(r) == standing(r),
    ),
    Says(
        r"(?P<count>All 20|\d+ of 20) (have|has) a factor above ε, but what counts is the height, amplitude times "
        r"factor: the last wave whose height is above ε is wave (?P<last>\d+)\.",
        lambda r, m: counted(m) == above(r) and int(m["last"]) == standing(r) != above(r),
    ),
    Says(
        r"Here (?P<best>\d+) is best, although the last bar above the line is wave (?P<last>\d+): this one draw of the "
        r"noise, or rounding, decides\.",
        lambda r, m: is_least(r, m) and int(m["last"]) == standing(r) and abs(int(m["best"]) - standing(r)) > 1,
    ),
)  # fmt: skip
if precision() == "float32":  # factors underflow there
    SAYS += (
        Says(
            r"The recovered profile leaves the range of numbers\.",
            lambda r, m: not errors(r)[settings(r)[2]] < 1e15,
        ),
    )


def bars(result):
    """From the foot of the axis to each height, with gaps."""
    top = np.maximum(heights(result), FAINTEST)
    return np.repeat(np.arange(1, N + 1), 3), np.stack([np.full(N, FAINTEST), top, np.full(N, np.nan)], -1).ravel()


def stepped(result):
    """The singular values of 64 Runge-Kutta steps: each wave by itself."""
    z = -(K**2) * settings(result)[0] / STEPS
    return np.sort(np.abs(1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24) ** STEPS)[::-1]


def computed(result, values):
    """What float32 cannot compute is looked at in float64 only."""
    return values if precision() == "float64" else np.full_like(values, 1e31)


DRAWN = {
    "before": lambda r: (ALONG, between(BEFORE)),
    "after": lambda r: (ALONG, between(SINES @ clean(r))),
    "measured": lambda r: (np.arange(1, N + 1) / (N + 1), SINES @ clean(r) + settings(r)[1] * NOISE),
    "recovered": lambda r: (ALONG, computed(r, between(recovered(r, settings(r)[2])))),
    "formula": lambda r: (np.arange(1, N + 1), factors(r)),
    "singular": lambda r: (np.arange(1, N + 1), stepped(r)),
    "heights": bars,
    "noise": lambda r: ((0.5, N + 0.5), np.full(2, settings(r)[1])),
    "errors": lambda r: (np.arange(N + 1), computed(r, errors(r))),
}
MARKS = {
    "noise-here": lambda r: (N, settings(r)[1]),
    "best": lambda r: (best(r), np.min(r["errors"])),
}
LABELS = {"noise-here": "noise ε", "best": "best"}
AXES = {
    "rod": ("place", "temperature"),
    "spectrum": ("waves, the longest first", ""),
    "error": ("waves kept", ""),
}
LANDMARKS = {
    "time/finest factor at ε": lambda value, r: np.isclose(np.exp(-(K[-1] ** 2) * value), settings(r)[1], rtol=1e-3),
    "kept/height > ε": lambda value, r: value == standing(r),
    "kept/factor > ε": lambda value, r: value == above(r),
}
