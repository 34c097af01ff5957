"""Arrays become pictures: panels, lines, fields and marks, with one colour per method everywhere.

A `Drawing` is pure data. The arrays of its lines and fields may carry a leading axis (one picture per value of a swept
setting), so a lesson describes its picture once: `figure` turns one picture into a Plotly figure, `lessons.scene` sends
one or sixty of them to the stage. Methods differ in dash and width too, wide under narrow, so that lines that coincide
are still told apart, in greyscale and by colour-blind readers.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

FAR = 1e3  # a point beyond this has left: its coordinates say nothing
FAINTEST = 1e-12  # where a logarithmic axis draws what is zero


def drawable(points: Any) -> np.ndarray:
    """Points that have left become gaps."""
    return np.where(np.abs(points) < FAR, points, np.nan)


class Style(NamedTuple):
    """How a method is drawn everywhere. Colours of the first four are the book's."""

    label: str
    colour: str
    dash: str
    width: float
    opacity: float = 1.0


METHODS = {
    "gradient_descent": Style("gradient descent", "#1F77B4", "solid", 2.5),
    "inverse_simulator": Style("inverse simulator", "#D62728", "solid", 7.0, 0.45),
    "inverse_gradient": Style("inverse gradient", "#2CA02C", "dash", 3.5),
    "truncated_inverse_gradient": Style("truncated inverse gradient", "#00897B", "solid", 2.5),
    "newton": Style("Newton", "#FF7F0E", "dot", 2.5),
    "safe_newton": Style("Newton with a fallback", "#FF7F0E", "solid", 3.0),
    "gauss_newton": Style("Gauss–Newton", "#8C564B", "dash", 4.0, 0.8),
    "levenberg_marquardt": Style("Levenberg–Marquardt", "#17BECF", "dashdot", 2.0),
    "dipg_differenced": Style("D-IPG, differenced", "#9467BD", "solid", 2.5),
    "dipg_plain": Style("D-IPG, plain", "#9467BD", "dot", 2.5),
    "one_shot": Style("one shot, g(y*)", "#E377C2", "dashdot", 2.0),
    "bfgs": Style("BFGS", "#BCBD22", "solid", 3.0),
    "lbfgs": Style("L-BFGS", "#7F6A00", "dashdot", 2.0),
    "nesterov": Style("Nesterov", "#3E6C9A", "dashdot", 2.0),
    "conjugate_gradient": Style("conjugate gradients", "#4A5FC1", "dash", 2.0),
    "momentum": Style("momentum", "#3E6C9A", "dash", 2.0),
    "adam": Style("Adam", "#5A9BD5", "dot", 2.0),
}


@dataclass(frozen=True)
class Axis:
    label: str
    range: tuple[float, float] | None = None
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes. cursor: the slider whose value is marked on the horizontal axis by a thin line."""

    id: str
    title: str
    x: Axis
    y: Axis
    big: bool = False
    equal: bool = False
    cursor: str = ""


@dataclass(frozen=True)
class Line:
    """x, y: (..., k). role "path": one point per step, drawn up to the current one; "segment": (..., steps + 1, k), the
    current row is drawn, or (k,) where all rows are the same; "curve": drawn whole, with gaps where it is not finite.
    answer: hidden until the student has predicted.
    """

    id: str
    panel: str
    x: Any
    y: Any
    method: str = ""
    group: str = ""
    label: str = ""
    colour: str = "muted"
    dash: str = "solid"
    width: float = 1.5
    opacity: float = 1.0
    role: str = "curve"
    legend: bool = False
    dots: bool = False
    answer: bool = True

    @property
    def style(self) -> Style:
        return METHODS.get(self.method) or Style(self.label, self.colour, self.dash, self.width, self.opacity)


@dataclass(frozen=True)
class Field:
    """z: (..., ny, nx) over extent (x0, x1, y0, y1), row 0 at y0. kind "isolines" or "shade"."""

    id: str
    panel: str
    z: Any
    extent: tuple[float, float, float, float]
    kind: str = "isolines"
    levels: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 1.0
    label: str = ""
    ticks: tuple[tuple[float, str], ...] = ()
    answer: bool = False


@dataclass(frozen=True)
class Mark:
    """One point (x, y: (...,)), or for symbol "box" two corners (..., 2).

    symbol: "cross", "ring", "dot", "box"; "label" is words alone, for what is no datum.
    """

    id: str
    panel: str
    symbol: str
    x: Any
    y: Any
    label: str = ""
    answer: bool = False


@dataclass(frozen=True)
class Readout:
    """A value of a line at the current step, shown beside the legend entry of the line's group."""

    line: str
    axis: str = "y"
    label: str = ""
    digits: int = 3


@dataclass(frozen=True)
class Drawing:
    panels: tuple[Panel, ...]
    lines: tuple[Line, ...]
    fields: tuple[Field, ...] = ()
    marks: tuple[Mark, ...] = ()
    readouts: tuple[Readout, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
    step: int | None = None


def path_lines(method: str, path: Any, loss: Any = None) -> list[Line]:
    """A path in x-space and y-space, and its loss against the step, all in the method's colour and group."""
    lines = [
        Line(
            f"{method}/x",
            "x",
            path.x[..., 0],
            path.x[..., 1],
            method,
            method,
            role="path",
            legend=True,
            dots=True,
        ),
        Line(f"{method}/y", "y", path.y[..., 0], path.y[..., 1], method, method, role="path"),
    ]
    if loss is not None:
        lines.append(over_steps(method, "loss", loss))
    return lines


def over_steps(method: str, panel: str, values: Any, floor: float = -np.inf) -> Line:
    """A number by step, (..., steps + 1), as a path in the panel of its name. floor: what is less is drawn there."""
    steps = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    return Line(f"{method}/{panel}", panel, steps, np.maximum(values, floor), method, method, role="path")


def arrow(x0: Any, y0: Any, dx: Any, dy: Any, head: float) -> tuple[np.ndarray, np.ndarray]:
    """An arrow from (x0, y0) along (dx, dy) as one line of five points; head: length of the barbs, in data units."""
    x0, y0, dx, dy = (np.asarray(v, float) for v in (x0, y0, dx, dy))
    length = np.maximum(np.hypot(dx, dy), 1e-12)
    ux, uy = dx / length, dy / length
    tip_x, tip_y = x0 + dx, y0 + dy
    xs, ys = [x0, tip_x], [y0, tip_y]
    for side in (0.4, -0.4):
        xs += [tip_x - head * (ux * np.cos(side) - uy * np.sin(side)), tip_x]
        ys += [tip_y - head * (uy * np.cos(side) + ux * np.sin(side)), tip_y]
    return np.stack(np.broadcast_arrays(*xs), -1), np.stack(np.broadcast_arrays(*ys), -1)


def crosses(x: Any, y: Any, wide: float, high: float, turned: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A small cross at each point (..., k), as one line with gaps (..., 6 k). wide, high: half its size.

    turned: like an x and not like a plus.
    """
    moves_x = wide * np.array([-1, 1, np.nan, -1, 1, np.nan] if turned else [-1, 1, np.nan, 0, 0, np.nan])
    moves_y = high * np.array([-1, 1, np.nan, 1, -1, np.nan] if turned else [0, 0, np.nan, -1, 1, np.nan])
    xs, ys = np.asarray(x)[..., None] + moves_x, np.asarray(y)[..., None] + moves_y
    return xs.reshape(*xs.shape[:-2], -1), ys.reshape(*ys.shape[:-2], -1)


def figure(drawing: Drawing) -> go.Figure:
    """One picture as a Plotly figure: the big panels on the left, the small ones stacked on their right."""
    big = [panel for panel in drawing.panels if panel.big]
    small = [panel for panel in drawing.panels if not panel.big]
    rows = max(len(small), 1)
    last = len(big) + 1
    specs = [[{"rowspan": rows} if row == 0 else None for _ in big] + [{}] for row in range(rows)]
    place = {panel.id: (1, column + 1) for column, panel in enumerate(big)}
    place |= {panel.id: (row + 1, last) for row, panel in enumerate(small)}
    widths = [0.6 / len(big)] * len(big) + [0.4]
    fig = make_subplots(rows, last, specs=specs, column_widths=widths, horizontal_spacing=0.1, vertical_spacing=0.16)
    for panel in drawing.panels:
        _axes(fig, panel, place[panel.id])
    with np.errstate(over="ignore"):  # a diverged path is beyond float32 too: it becomes inf, where drawing stops
        for item in drawing.fields:
            _field(fig, item, place[item.panel])
        for line in drawing.lines:
            _line(fig, line, place[line.panel], drawing.step)
        for mark in drawing.marks:
            _mark(fig, mark, place[mark.panel])
    fig.update_layout(template="plotly_white", legend={"orientation": "h", "y": 1.08}, margin={"t": 60})
    return fig


def _axes(fig: go.Figure, panel: Panel, place: tuple[int, int]) -> None:
    row, col = place
    for axis, update in ((panel.x, fig.update_xaxes), (panel.y, fig.update_yaxes)):
        span = None if axis.range is None else np.log10(axis.range).tolist() if axis.log else list(axis.range)
        update(title_text=axis.label, range=span, type="log" if axis.log else "linear", row=row, col=col)
        if axis.ticks:
            update(tickvals=[v for v, _ in axis.ticks], ticktext=[t for _, t in axis.ticks], row=row, col=col)
    if panel.equal:
        anchor = fig.get_subplot(row, col).xaxis.plotly_name.replace("axis", "")
        fig.update_yaxes(scaleanchor=anchor, row=row, col=col)


def _line(fig: go.Figure, line: Line, place: tuple[int, int], step: int | None) -> None:
    x, y = np.asarray(line.x, np.float32), np.asarray(line.y, np.float32)
    if line.role == "segment":
        x, y = (values[step or 0] if values.ndim > 1 else values for values in (x, y))
    elif line.role == "path" and step is not None:
        x, y = x[: step + 1], y[: step + 1]
    style = line.style
    colour = {"text": "#222222", "muted": "#8A8A8A"}.get(style.colour, style.colour)
    finite = np.isfinite(x) & np.isfinite(y)
    if line.role == "curve":
        y = np.where(finite, y, np.nan)
    shown = len(finite) if finite.all() or line.role == "curve" else int(np.argmin(finite))
    fig.add_trace(
        go.Scatter(
            x=x[:shown],
            y=y[:shown],
            mode="lines+markers" if line.dots else "lines",
            marker={"size": 4},
            line={"color": colour, "dash": style.dash, "width": style.width},
            opacity=style.opacity,
            name=style.label,
            legendgroup=line.group,
            showlegend=line.legend,
            uid=line.id,
        ),
        *place,
    )


def _field(fig: go.Figure, item: Field, place: tuple[int, int]) -> None:
    z = np.asarray(item.z, np.float32)
    x0, x1, y0, y1 = item.extent
    common = {
        "x0": x0,
        "dx": (x1 - x0) / (z.shape[1] - 1),
        "y0": y0,
        "dy": (y1 - y0) / (z.shape[0] - 1),
        "uid": item.id,
    }
    if item.kind == "shade":
        fig.add_trace(
            go.Heatmap(z=z, zmin=item.low, zmax=item.high, colorscale="Greys", showscale=False, **common),
            *place,
        )
        return
    # Plotly spaces contour levels evenly, so uneven levels are drawn one trace each.
    for level in item.levels:
        contours = {"start": level, "end": level, "size": 1, "coloring": "none"}
        fig.add_trace(
            go.Contour(
                z=z,
                contours=contours,
                line={"width": 0.6, "color": "#999"},
                showscale=False,
                hoverinfo="skip",
                **(common | {"uid": f"{item.id}/{level:g}"}),
            ),
            *place,
        )


def _mark(fig: go.Figure, mark: Mark, place: tuple[int, int]) -> None:
    x, y = np.atleast_1d(mark.x).astype(np.float32), np.atleast_1d(mark.y).astype(np.float32)
    if mark.symbol == "box":
        x, y = x[[0, 1, 1, 0, 0]], y[[0, 0, 1, 1, 0]]
        style = {"mode": "lines", "line": {"dash": "dash", "color": "#555", "width": 1}}
    else:
        if mark.symbol == "label":
            fig.add_trace(go.Scatter(x=x, y=y, mode="text", text=[mark.label], showlegend=False, uid=mark.id), *place)
            return
        symbol = {"cross": "cross-thin-open", "ring": "circle-open", "dot": "circle"}[mark.symbol]
        style = {"mode": "markers", "marker": {"symbol": symbol, "size": 10, "color": "#222"}}
    fig.add_trace(go.Scatter(x=x, y=y, name=mark.label, showlegend=False, uid=mark.id, **style), *place)
