"""The linear check: what its page says and draws."""

import functools

import numpy as np

from core.linear import across
from lessons.figures import arrow
from lessons.lab.linear_setting import setup, trainings
from tests.shown.kit import Says, number, precision, said

TRUTH = np.array([-0.9, -1.1])
PLACES = (
    {"start": (-0.9, -1.1)},
    {"outside": 0.0, "step": 30},
    {"outside": 0.0, "step": 0},
    {"data": "square", "condition": "30", "step": 30},
    # With the condition number 30, training leaves V A ≠ I (another draw in each precision); with 5 it does not.
    {"data": "square", "condition": "5", "step": 30},
    {"data": "square", "condition": "5", "start": (2.0, 2.0), "step": 29},
    {"data": "square", "condition": "30", "start": (2.0, 2.0), "step": 29},
    {"trained": "noisy", "outside": 0.0, "step": 30},
    {"trained": "noisy", "outside": 0.02, "step": 30},
)


@functools.cache
def _system(data, condition):
    matrix = setup(data, condition).problem.matrix
    return np.asarray(matrix, float), np.asarray(across(matrix), float)


def system(result):
    """A, and U, which spans what no A x reaches."""
    return _system(result["settings"]["data"], result["settings"]["condition"])


@functools.cache
def _weights(data, condition, trained):
    return np.asarray(trainings(data, condition, trained).g.weight, float)


def weights(result):
    """V at each of the pictures of the training."""
    return _weights(*(result["settings"][name] for name in ("data", "condition", "trained")))


def target(result):
    matrix, basis = system(result)
    return matrix @ TRUTH + result["settings"]["outside"] * basis.sum(axis=1)


def start(result):
    return np.asarray(result["settings"]["start"], float)


def gap(result):
    return target(result) - system(result)[0] @ start(result)


def full(result):
    return result["settings"]["eta"] * np.linalg.pinv(system(result)[0]) @ gap(result)


def steps(result):
    return result["settings"]["eta"] * weights(result) @ gap(result)


def apart(result):
    return np.linalg.norm(steps(result) - full(result), axis=-1) / np.linalg.norm(full(result))


def rjcp(result):
    return np.sum((weights(result) @ system(result)[0] - np.eye(2)) ** 2, axis=(1, 2))


def beyond(result):
    """|V U|."""
    return np.linalg.norm(weights(result) @ system(result)[1], axis=(1, 2))


def ends(result):
    """Where V (A x − y*) = 0."""
    return np.stack([np.linalg.solve(v @ system(result)[0], v @ target(result)) for v in weights(result)])


def now(result):
    return result["settings"]["step"]


def at_start(result, _match=None):
    return np.linalg.norm(start(result) - TRUTH) < 1e-4


def by_reach(result, frame):
    """The part of the difference that V's answer to U s makes, and the rest."""
    basis, settings = system(result)[1], result["settings"]
    reach = settings["eta"] * settings["outside"] * weights(result)[frame] @ basis.sum(axis=1)
    rest = steps(result)[frame] - full(result) - reach
    return np.linalg.norm(reach), np.linalg.norm(rest)


def more(result, frame, of):
    reach, rest = by_reach(result, frame)
    return reach > 0.99 * rest if of == "reach" else rest > 0.99 * reach


def near(text, value):
    """As shown, up to what this precision leaves of a small difference: each processor rounds it in its own way."""
    close = any(said(text, value * ratio) for ratio in np.linspace(0.97, 1.03, 13))
    return close or max(abs(value), abs(number(text))) < max(2e-6, 300 * np.finfo(precision()).eps)


def in_reach(result, _match=None):
    return result["settings"]["data"] == "square" or result["settings"]["outside"] == 0


def not_so(result):
    return apart(result)[-1] > 0.0099


SAYS = (
    Says(
        r"(?:After (?P<steps>[\d,]+) training steps|Before training) RJCP is (?P<rjcp>\S+), and "
        r"(?P<undone>V undoes A|V does not undo A exactly)\.",
        lambda r, m: int((m["steps"] or "0").replace(",", "")) == 100 * now(r)
        and near(m["rjcp"], rjcp(r)[now(r)])
        and (m["undone"] == "V undoes A") == (rjcp(r)[now(r)] < 1e-6),
    ),
    Says(r"The start is the least-squares solution already, so Gauss–Newton’s step is zero\.", at_start),
    Says(
        r"D-IPG’s step differs from Gauss–Newton’s by (?P<share>\S+(?: %| times)?) of its length\.",
        lambda r, m: near(m["share"], apart(r)[now(r)]),
    ),
    Says(
        r"Most of that is V’s answer to data out of reach\.",
        lambda r, m: more(r, now(r), "reach") and r["settings"]["outside"] > 0,
    ),
    Says(r"Most of that is V A ≠ I\.", lambda r, m: more(r, now(r), "rest") and rjcp(r)[now(r)] > 0),
    Says(
        r"Here every y is in reach, so V A = I leaves V no choice\.",
        lambda r, m: system(r)[1].size == 0,
    ),
    Says(
        r"All of y\* is in reach here: raise s, and the steps part\.",
        lambda r, m: in_reach(r) and system(r)[1].size and beyond(r)[now(r)] > 0.01,
    ),
    # After the prediction
    Says(r"V A = I settles only what V does to data that some A x reaches\.", lambda r, m: system(r)[1].size),
    Says(
        r"JCP asks for V A = I, but training need not get there: look at RJCP\.",
        lambda r, m: rjcp(r)[-1] > 1e-6 and more(r, -1, "rest"),
    ),
    Says(r"All of y\* is in reach here\.", in_reach),
    Says(
        r"V answers that part too, but here other things count more\.",
        lambda r, m: not in_reach(r) and (more(r, -1, "rest") or not not_so(r) or apart(r)[-1] < 0.0101),
    ),
    Says(r"Training brought V A close enough to I for that\.", lambda r, m: apart(r)[-1] < 0.0101),
    Says(r"V A is nearer to I than that; RJCP shows it\.", lambda r, m: more(r, -1, "reach") and not_so(r)),
    Says(
        r"A square A reaches every y, so V A = I makes V the inverse of A\.",
        lambda r, m: system(r)[1].size == 0 and apart(r)[-1] < 0.0101,
    ),
    Says(
        r"What of y\* is in reach, V treats as A⁺ does; the rest hardly counts here\.",
        lambda r, m: system(r)[1].size and apart(r)[-1] < 0.0101,
    ),
    Says(
        r"JCP only ever looks at V A\.",
        lambda r, m: not_so(r) and more(r, -1, "reach"),
    ),
    Says(r"For data that no A x reaches, V is free\.", lambda r, m: np.max(beyond(r)) > 0.01),
    Says(
        r"Noise in training is a price on large V, so V becomes smaller than A⁺, and V A is no longer I\.",
        lambda r, m: r["settings"]["trained"] == "noisy"
        and np.linalg.norm(weights(r)[-1]) < np.linalg.norm(np.linalg.pinv(system(r)[0]))
        and rjcp(r)[-1] > 1e-6,
    ),
    Says(
        r"The smallest singular value of A is learned last; 3,000 training steps have not brought V A to I\.",
        lambda r, m: rjcp(r)[-1] > 1e-6 and weakest_is_last(r),
    ),
)  # fmt: skip


def weakest_is_last(result):
    """V A − I is largest along the direction that A stretches least."""
    matrix = system(result)[0]
    _, _, directions = np.linalg.svd(matrix)
    errors = np.linalg.norm((weights(result)[-1] @ matrix - np.eye(2)) @ directions.T, axis=0)
    return errors[1] > errors[0]


def arrows(tail, ways):
    return arrow(tail[0], tail[1], ways[..., 0], ways[..., 1], 0.12)


def onward(tips, where):
    return tuple(np.stack(np.broadcast_arrays(tips[..., i], where[..., i]), -1) for i in (0, 1))


def seen(result):
    """Ends, as far as they can be drawn."""
    return np.where(np.abs(ends(result)) < 1e3, ends(result), np.nan)


def cross(result):
    moves = np.array([[-1, 1, 0, 0, 0], [0, 0, 0, 1, -1]]) * 0.05
    return tuple(seen(result)[:, i, None] + moves[i] for i in (0, 1))


def fall(result):
    """From y* down to where D-IPG ends: along the direction of A V U after training, and from the height s."""
    matrix, basis = system(result)
    height = result["settings"]["outside"] * np.sqrt(basis.shape[1])
    along = matrix @ weights(result)[-1] @ basis.sum(axis=1)
    unit = along / np.linalg.norm(along) if np.linalg.norm(along) else along
    place = (ends(result) - TRUTH) @ matrix.T @ unit
    # What is 0 but for rounding is another 0 in another program.
    place = result["slid"] if np.allclose(result["slid"], place, atol=1e-5, equal_nan=True) else place
    zero = np.zeros_like(place)
    return np.stack([zero, np.where(np.abs(place) < 1e3, place, np.nan)], -1), np.stack([zero + height, zero], -1)


def by_training(values):
    return 100 * np.arange(31.0), np.maximum(values, 1e-16)


def height(result):
    return result["settings"]["outside"] * np.sqrt(system(result)[1].shape[1])


DRAWN = {
    "gauss/onward": lambda r: onward(start(r) + full(r), TRUTH),
    "dipg/onward": lambda r: onward(start(r) + steps(r), seen(r)),
    "dipg/rest": cross,
    "gauss_newton/step": lambda r: arrows(start(r), full(r)),
    "dipg_differenced/step": lambda r: arrows(start(r), steps(r)),
    "range": lambda r: ([-9, 9], [0, 0]),
    "gauss_newton/fall": lambda r: ([0, 0], [height(r), 0]),
    "dipg_differenced/fall": fall,
    "rjcp": lambda r: by_training(r["rjcp"]),
    "beyond": lambda r: by_training(r["beyond"]),
}
MARKS = {
    "truth": lambda r: TRUTH,
    "target": lambda r: (0, height(r)),
    "reached": lambda r: (-0.47, -0.24),
}
AXES = {"x": ("x₁", "x₂"), "y": ("along the range", "across it"), "train": ("training step", "")}
LANDMARKS = {"outside/none": lambda value, r: value == 0, "eta/full": lambda value, r: value == 1}


def LABELS(result):
    reached = "every y is an A x" if result["settings"]["data"] == "square" else "all that A x reaches"
    return {"truth": "least squares, A⁺y*", "target": "y*", "reached": reached}


FIELDS = {"loss": lambda x, y, r: np.sum((system(r)[0] @ (np.array([x, y]) - TRUTH)) ** 2)}


def table_slips(tables, result):
    (shown,) = tables
    away, left, outside = (cells for _, cells in shown.rows)
    end, frame = ends(result)[now(result)], now(result)
    off = np.linalg.norm(system(result)[0] @ end - target(result))
    checks = {
        "distance": near(away[1].text, np.linalg.norm(end - TRUTH)),
        "residual": near(left[1].text, off) and near(left[0].text, height(result)),
        "outside": near(outside[1].text, beyond(result)[frame]) and outside[0].text == away[0].text == "0",
        "columns": shown.columns == ("Gauss–Newton", "D-IPG"),
    }
    return [f"{name}: {away[1].text}, {left[1].text}, {outside[1].text}" for name, good in checks.items() if not good]
