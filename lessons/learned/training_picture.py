"""The picture of a Deceptron in training: the trust map under a mesh, the loss terms, a circle through f and g."""

import numpy as np

from lessons.figures import METHODS, Axis, Drawing, Line, Panel
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
        ),
        lines=tuple(lines),
        fields=(setting.trust_field(result["trust"]),),
        marks=(setting.trained_box(settings["problem"]),),
    )


def _present(architecture):
    slabs_only = ("spectral", "bias_tie", "composition")
    return [name for name in TERM_STYLES if architecture == "slabs" or name not in slabs_only]
