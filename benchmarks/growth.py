"""How training and solving grow with unknowns, batch, probes and instances: a table, and the picture docs/growth.png.

Everything is heat at condition 50, as in the budgets, from n = 64, a batch of 128, 2 probes and 100 instances on.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from benchmarks.arithmetic import Chunk, seconds
from benchmarks.lab import ROOT, Lab
from benchmarks.report import Row, quantity
from benchmarks.setups import wide
from core import training
from core.cost import growth
from core.solve import solve_many
from lessons.figures import METHODS

PICTURE = ROOT / "docs" / "growth.png"
UNKNOWNS, BATCHES, PROBES, INSTANCES = (8, 16, 32, 64, 128), (32, 64, 128, 256, 512), (1, 2, 4, 8), (1, 10, 100, 1000)
SOLVERS = ("gradient_descent", "levenberg_marquardt", "dipg_differenced")
STEP, TRAINED = "training step", 1000  # steps that the walking models are trained
Curves = dict[str, list[float]]  # µs by what they are of


def measure(lab: Lab) -> Iterator[Row]:
    """Microseconds of processor time: a training step, and a solve in a batch, the fastest of several."""
    panels: dict[str, tuple[Sequence[int], Curves]] = {
        "unknowns n": (UNKNOWNS, _by_unknowns(lab)),
        "batch": (BATCHES, {STEP: [_step(lab, wide(batch=batch)) for batch in BATCHES]}),
        "probes": (PROBES, {STEP: [_step(lab, wide(probes=probes)) for probes in PROBES]}),
        "instances solved together": (INSTANCES, _by_instances(lab)),
    }
    for axis, (values, curves) in panels.items():
        for what, taken in curves.items():
            note = ", ".join(f"{value}: {quantity(micros, 'µs')}" for value, micros in zip(values, taken, strict=True))
            power = growth(jnp.asarray(values, float), jnp.asarray(taken)).power
            yield Row(f"{what} by {axis}, power", "", float(power), note=note)
    PICTURE.write_bytes(as_png(drawn(panels), lab.browser))
    yield Row(f"picture in {PICTURE.relative_to(ROOT)}", "kB", PICTURE.stat().st_size / 1e3)


def _by_unknowns(lab: Lab) -> Curves:
    curves: Curves = {name: [] for name in (STEP, *SOLVERS)}
    for n in UNKNOWNS:
        curves[STEP].append(_step(lab, wide(n)))
        for method in SOLVERS:
            curves[method].append(_solve(lab, method, n, 100))
    return curves


def _by_instances(lab: Lab) -> Curves:
    return {method: [_solve(lab, method, 64, count) for count in INSTANCES] for method in SOLVERS}


def _step(lab: Lab, setup) -> float:
    """RJCP is watched once in a chunk, and counts."""
    return _fastest(lab, Chunk(setup)) / training.CHUNK


_models = {}


def _solve(lab: Lab, method: str, n: int, count: int) -> float:
    setup = wide(n)
    if n not in _models:
        _models[n] = training.fit(setup, jax.random.key(0), steps=TRAINED).model
    _, y_stars, x0s = setup.sample(jax.random.key(1), count)
    return _fastest(lab, lambda: solve_many(method, setup, _models[n], y_stars, x0s)) / count


def _fastest(lab: Lab, call: Callable[[], object]) -> float:
    """Microseconds; the first call compiles."""
    jax.block_until_ready(call())
    return 1e6 * min(seconds(call)[0] for _ in range(lab.repeats(12, 4)))


def drawn(panels: dict[str, tuple[Sequence[int], Curves]]) -> go.Figure:
    """One panel for each thing that grows, both axes logarithmic."""
    figure = make_subplots(rows=2, cols=2, horizontal_spacing=0.1, vertical_spacing=0.16)
    named: set[str] = set()
    for k, (axis, (values, curves)) in enumerate(panels.items()):
        place = {"row": k // 2 + 1, "col": k % 2 + 1}
        for what, taken in curves.items():
            label, colour, dash = (STEP, "#222222", "solid") if what == STEP else _style(what)
            figure.add_scatter(
                x=values, y=taken, name=label, mode="lines+markers", line={"color": colour, "dash": dash},
                legendgroup=label, showlegend=label not in named, **place,
            )  # fmt: skip
            named.add(label)
        figure.update_xaxes(
            type="log", tickvals=values, ticktext=[f"{value:,}" for value in values], title=axis, **place
        )
        # One range for all: a step does not depend on the probes, and its noise must not fill a panel.
        title = "µs" if place["col"] == 1 else ""
        figure.update_yaxes(type="log", matches="y", tickvals=(30, 100, 300, 1000, 3000), title=title, **place)
    legend = {"orientation": "h", "y": 1.03, "yanchor": "bottom", "font": {"size": 14}}
    figure.update_layout(
        template="plotly_white", font={"size": 15, "color": "#222222"}, legend=legend,
        margin={"l": 70, "r": 20, "t": 70, "b": 60},
    )  # fmt: skip
    return figure


def _style(method: str) -> tuple[str, str, str]:
    style = METHODS[method]
    return f"solve, {style.label}", style.colour, style.dash


def as_png(figure: go.Figure, browser) -> bytes:
    """The figure drawn by Plotly in a browser, 1000 x 700 at twice the resolution."""
    page = browser.new_page()
    try:
        page.add_script_tag(content=get_plotlyjs())
        options = {"format": "png", "width": 1000, "height": 700, "scale": 2}
        drawing = "([figure, options]) => Plotly.toImage(figure, options)"
        address = page.evaluate(drawing, [json.loads(figure.to_json()), options])
    finally:
        page.close()
    return base64.b64decode(address.partition(",")[2])
