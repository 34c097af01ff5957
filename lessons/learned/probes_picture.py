"""The picture of random probes: estimates around the exact value, how they scatter, what they cost."""

import numpy as np

from lessons.figures import METHODS, Axis, Drawing, Field, Line, Mark, Panel
from lessons.learned import setting
from lessons.learned.notes import SEEDS

VIEW = setting.VIEW
COUNTS = (1, 2, 4, 8, 16, 32)  # probes a mean, over the same pool: the last still has 500 means
SIZES = (4, 16, 64, 256)  # unknowns of the dense simulator in the figure of the cost
BIN, TOP = 0.1, 3.0  # of the histogram, in units of the exact value; what is beyond is counted at the edge
SHARE = 0.1  # how closely the prediction asks the defect to be known
PURPLE = METHODS["dipg_differenced"].colour
BINS = round(TOP / BIN) + 1
EDGES = np.arange(BINS + 1) * BIN - BIN / 2  # so that the exact value lies in the middle of a bin
STAIRS = np.repeat(EDGES, 2)


def draw(result):
    pair = result["settings"]["pair"]
    probes, unknowns = np.asarray(result["probes"], float), np.asarray(result["unknowns"], float)
    measured, law = np.maximum(result["measured"], 1e-9), np.maximum(result["law"], 1e-9)
    over = np.array([1.0, 256.0])
    sizes = np.array([1.4, 512.0])
    high = 0.05 + 0.2 * np.ceil(5 * np.max(result["tallest"]))
    estimate = {"group": "estimate", "colour": PURPLE}
    names = ("x₁ = x₃ = x₅ …", "x₂ = x₄ = x₆ …") if pair == "dense" else ("x₁", "x₂")
    return Drawing(
        panels=(
            Panel("histogram", f"{SEEDS:,} estimates, each with its own seed", Axis("estimate / exact value", (0, TOP)),
                  Axis("share of the estimates", (0, high)), big=True),
            Panel("x", "x-space", Axis(names[0], (-VIEW, VIEW)), Axis(names[1], (-VIEW, VIEW))),
            Panel("spread", "standard deviation / exact value",
                  Axis("probes k", tuple(over), log=True, ticks=_ticks(1, 4, 16, 64, 256)),
                  Axis("", (0.02, 2), log=True, ticks=((0.1, "10 %"), (1.0, "100 %"))), cursor="probes"),
            Panel("cost", "Jacobian products",
                  Axis("unknowns n", tuple(sizes), log=True, ticks=_ticks(2, 8, 32, 128, 512)),
                  Axis("", (1, 2000), log=True, ticks=_ticks(1, 10, 100, 1000))),
        ),
        lines=(
            Line("exact", "histogram", [1.0, 1.0], [0.0, high], label="exact", colour="text", width=1.5, answer=False),
            Line("one", "histogram", STAIRS, _stairs(result["one"]), group="one", label="one probe", dash="dot",
                 width=2.0, legend=True, answer=False),
            Line("estimates", "histogram", STAIRS, _stairs(result["bins"]), label="k probes", width=3.0, legend=True,
                 **estimate),
            Line("law", "spread", over, law[..., None] / np.sqrt(over), label="formula", width=5.0, opacity=0.4),
            Line("share", "spread", over, [SHARE, SHARE], label="10 %", dash="dash", width=1.2, answer=False),
            Line("cost/exact", "cost", sizes, 2 * sizes, label="exact", colour="text", width=2.0),
            Line("cost/family", "cost", np.array(SIZES, float), 2 * result["family"], label="for 10 %", dash="dash",
                 width=2.0),
            Line("cost/probes", "cost", sizes, np.repeat(2 * probes[..., None], 2, -1), label="k probes", width=2.5,
                 **estimate),
        ),
        fields=(
            Field("defect", "x", result["map"], (-VIEW, VIEW) * 2, "shade", low=-4.0, high=1.0, label="exact value",
                  ticks=((-4.0, "10⁻⁴"), (-2.0, "10⁻²"), (0.0, "1"))),
        ),
        marks=(
            Mark("mean", "histogram", "dot", result["mean"], 0.0 * result["mean"] + 0.02 * high, "mean", answer=True),
            *(Mark(f"measured/{k}", "spread", "dot", float(k), measured[..., place], "", answer=True)
              for place, k in enumerate(COUNTS)),
            Mark("here", "spread", "ring", probes, np.maximum(result["std"], 1e-9), "", answer=True),
            Mark("cost-here", "cost", "ring", unknowns, np.maximum(2 * result["needed"], 2.0), "here",
                 answer=True),
            Mark("cost-label", "cost", "label", 110.0, 600.0, "exact", answer=True),
            Mark("family-label", "cost", "label", 8.0, 320.0, "for 10 %", answer=True),
        ),
    )  # fmt: skip


def _ticks(*values):
    return tuple((float(value), f"{value:,}") for value in values)


def _stairs(shares):
    """The outline of a histogram over STAIRS: (..., bins) -> (..., 2 bins + 2), at 0 on both ends."""
    steps = np.repeat(shares, 2, axis=-1)
    zero = np.zeros_like(steps[..., :1])
    return np.concatenate([zero, steps, zero], axis=-1)
