"""The picture of a Deceptron in training: a map of RJCP under a mesh, the loss terms, f and g entry by entry."""

import numpy as np

from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel
from lessons.learned import setting

MESH_LINES, MESH_POINTS = 9, 33
PURPLE = METHODS["dipg_differenced"].colour
TERM_STYLES = {  # label, colour, dash: grey for what is only a means, purple for what the inverse is judged by
    "total": ("loss", "text", "solid"),
    "task": ("task", "muted", "solid"),
    "reconstruction": ("reconstruction", "muted", "dash"),
    "cycle": ("cycle", "muted", "dot"),
    "spectral": ("spectral", "muted", "dashdot"),
    "bias_tie": ("bias tie", "muted", "longdash"),
    "composition": ("composition", "muted", "longdashdot"),
    "jcp": ("JCP", PURPLE, "dot"),
    "rjcp": ("RJCP in the box", PURPLE, "solid"),
}


def mesh():
    """A square mesh over the view as one line: up and down along x2, then to and fro along x1. (points, 2)."""
    places = np.linspace(-setting.VIEW, setting.VIEW, MESH_LINES)
    along = np.linspace(-setting.VIEW, setting.VIEW, MESH_POINTS)
    rows = [np.stack([np.full(MESH_POINTS, p), along[:: 1 if k % 2 == 0 else -1]], -1) for k, p in enumerate(places)]
    upright = np.concatenate(rows)
    # The upright part ends in a corner (9 is odd), from which the lying part starts backwards.
    return np.concatenate([upright, upright[::-1, ::-1]]).astype(np.float32)


MESH = mesh()
CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 65)), np.sin(np.linspace(0, 2 * np.pi, 65))]).astype(np.float32)

# The component map: x -> f -> y -> g -> x^, and what both compose to; where the lower left corner of each matrix is.
PLACES = {"f": (2.0, 3.0), "g": (6.0, 3.0), "composed": (4.0, 0.0)}
LARGEST, SMALLEST = 4.0, 0.004  # an entry of this size fills its cell; less than this is not drawn
ROUTES = (
    ((0.8, 4.0), (1.8, 4.0)),
    ((4.2, 4.0), (5.8, 4.0)),
    ((8.2, 4.0), (9.2, 4.0)),
    ((3.0, 2.9), (4.2, 2.1)),
    ((7.0, 2.9), (5.8, 2.1)),
)
WORDS = {"x": (0.4, 3.6), "y": (5.0, 4.2), "x̂": (9.6, 3.6), "J of f": (3.0, 5.2), "J of g": (7.0, 5.2)}
WORDS |= {"J of g∘f": (7.6, 0.7)}


def component_map(matrices):
    """What a Deceptron is made of, its Jacobians at the centre of the box drawn entry by entry."""
    x, y = ([np.nan if end is None else end[axis] for route in ROUTES for end in (*route, None)] for axis in (0, 1))
    yield Line("map/routes", "map", x, y, label="route", width=1.2, answer=False)
    for name, (left, bottom) in PLACES.items():
        box = (left + np.array([0, 2, 2, 0, 0]), bottom + np.array([0, 0, 2, 2, 0]))
        yield Line(f"map/{name}", "map", *box, label="matrix", width=1.0, answer=False)
        for sign, dash in ((1, "solid"), (-1, "dot")):
            cells = [_cell(sign * matrices[name][..., i, j], left + j, bottom + 1 - i) for i in (0, 1) for j in (0, 1)]
            x, y = (np.concatenate(parts, axis=-1) for parts in zip(*cells, strict=True))
            style = {
                "label": "entry > 0" if sign > 0 else "entry < 0",
                "colour": PURPLE if name == "composed" else "text",
            }
            which = "positive" if sign > 0 else "negative"
            yield Line(f"map/{name}/{which}", "map", x, y, dash=dash, width=2.0, answer=False, **style)


def _cell(value, left, bottom):
    """A square in the middle of a cell, its area the entry's size, and a gap after it; nothing for a negative entry."""
    half = 0.5 * np.sqrt(np.clip(value / LARGEST, 0, 1))
    half = np.where(value > SMALLEST, half, np.nan)[..., None]
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1), (np.nan, np.nan)])
    return left + 0.5 + half * corners[:, 0], bottom + 0.5 + half * corners[:, 1]


def draw(result):
    settings, circles, walked = result["settings"], result["circles"], result["mesh"]
    history = result.get("history") or {}
    lines = [
        Line("mesh/true", "x", MESH[:, 0], MESH[:, 1], label="x", width=1.0, opacity=0.5, answer=False),
        Line(
            "mesh/round",
            "x",
            walked[:, 0],
            walked[:, 1],
            group="round",
            label="g(f(x))",
            colour=PURPLE,
            width=1.5,
            legend=True,
            answer=False,
        ),
        Line("circle", "jacobians", CIRCLE[0], CIRCLE[1], label="unit circle", dash="dash", answer=False),
        Line(
            "circle/f",
            "jacobians",
            *circles["f"],
            group="J_f",
            label="J of f",
            colour="text",
            dash="dot",
            legend=True,
            answer=False,
        ),
        Line(
            "circle/g",
            "jacobians",
            *circles["g"],
            group="J_g",
            label="J of g",
            colour="text",
            dash="dash",
            legend=True,
            answer=False,
        ),
        Line(
            "circle/composed",
            "jacobians",
            *circles["composed"],
            group="J_g J_f",
            label="J of g∘f",
            colour=PURPLE,
            width=3.0,
            legend=True,
            answer=False,
        ),
    ]
    lines += component_map(result["matrices"])
    for name, (label, colour, dash) in TERM_STYLES.items():
        if name not in _present(settings["architecture"]):
            continue
        steps = history.get("step", np.array([np.nan]))
        values = history.get(name, np.full(len(steps), np.nan))
        width = 2.5 if name in ("total", "rjcp") else 1.5
        lines.append(
            Line(
                f"term/{name}",
                "losses",
                steps,
                np.maximum(values, 1e-12),
                group=name,
                label=label,
                colour=colour,
                dash=dash,
                width=width,
                legend=True,
                answer=False,
            )
        )
    return Drawing(
        panels=(
            Panel(
                "x",
                "a mesh through g(f(x))",
                Axis("x₁", (-setting.VIEW, setting.VIEW)),
                Axis("x₂", (-setting.VIEW, setting.VIEW)),
                big=True,
                equal=True,
            ),
            Panel("losses", "loss terms and RJCP", Axis("step", (0, settings["steps"])), Axis("", log=True)),
            Panel(
                "jacobians",
                "a small circle at the centre, through f, g, both",
                Axis("", (-4.6, 4.6)),
                Axis("", (-4.6, 4.6)),
                equal=True,
            ),
            Panel(
                "map",
                "its parts; a square is an entry, dotted if negative",
                Axis("", (0.0, 10.0), ticks=((-1.0, ""),)),
                Axis("", (-0.2, 6.2), ticks=((-1.0, ""),)),
            ),
        ),
        lines=tuple(lines),
        fields=(setting.trust_field(result["trust"]),),
        marks=(
            setting.trained_box(settings["problem"]),
            *(Mark(f"word/{word}", "map", "label", *place, word) for word, place in WORDS.items()),
        ),
    )


def _present(architecture):
    slabs_only = ("spectral", "bias_tie", "composition")
    return [name for name in TERM_STYLES if architecture == "slabs" or name not in slabs_only]
