"""Studies over seeds: what its page says and draws of tables that are made up, whole, in part, and empty."""

import re

import numpy as np

from core.study import Summary
from lessons.lab.experiments import EXPERIMENTS
from lessons.lab.study_table import given_of, plan_of
from tests.shown import kit
from tests.shown.kit import Says, said

COUNT = 200
LABELS_OF = {
    "gradient_descent": "gradient descent",
    "nesterov": "Nesterov",
    "conjugate_gradient": "conjugate gradients",
    "lbfgs": "L-BFGS",
    "gauss_newton": "Gauss–Newton",
    "levenberg_marquardt": "Levenberg–Marquardt",
    "dipg_plain": "D-IPG, plain",
    "dipg_differenced": "D-IPG, differenced",
    "one_shot": "one shot, g(y*)",
}
LEARNED = ("dipg_plain", "dipg_differenced", "one_shot")
FULL, OURS, PLAIN = "full", "dipg_differenced", "dipg_plain"


def made_up(method, rng, instances=40):
    """A line with numbers of its own."""
    iterations, solved = float(rng.integers(1, 60)), round(instances * rng.choice([0, 0.3, 0.5, 0.8, *[1] * 6]))
    stalled = int(rng.integers(0, instances - solved + 1))
    budget = int(rng.integers(0, instances - solved - stalled + 1))
    diverged = instances - solved - stalled - budget
    counts = {"stalled": stalled, "budget": budget, "diverged": diverged, "converged": solved}
    some, error = float("nan") if solved == 0 else 1.0, float(10 ** rng.uniform(-4, -1))
    return Summary(
        method=method,
        instances=instances,
        iterations=iterations * some,
        spread=0.5 * some,
        quartiles=tuple(some * (iterations + shift) for shift in (-0.5, 0, 2)),
        needed=(iterations, iterations + 1, np.inf if solved < instances / 2 else 80.0),
        given_up=(2.0, 3.0, 5.0),
        exact=(3.0, 4.0, float(rng.integers(5, 9))),
        success=solved / instances,
        error=error,
        error_spread=error * float(rng.uniform(0.1, 2)),
        accepted=float(rng.uniform(0, 1)),
        residual=float(10 ** rng.uniform(-5, 0)),
        rjcp=float(10 ** rng.uniform(-6, 1)) if method in LEARNED else float("nan"),
        statuses=counts,
        functions=float(rng.uniform(1, 90)),
        products=float(rng.uniform(1, 900)),
        inverses=float(rng.uniform(0, 90)),
        cosine=float(rng.uniform(0.9, 1)),
        apart=float(rng.uniform(0, 1)),
    )


def results(lesson):
    """Random settings with random tables: one in six is empty, in one of four lines are missing or are not whole."""
    rng, equal = np.random.default_rng(3), 0
    # Between them: no method that works; the question's lines; nothing but one method.
    places = (
        {"experiment": "linear", "methods": ("nesterov",)},
        {"methods": (OURS, PLAIN), "variants": ("no-jcp",)},
        {"methods": ("one_shot",), "variants": ("no-jcp", "tied")},
        {"methods": ("gradient_descent", "gauss_newton")},
    )
    drawn = [lesson.complete(one) for one in places for _ in range(4)] + kit.some_settings(lesson, COUNT, seed=7)
    for k, chosen in enumerate(drawn):
        if k % 2:  # the lines that the question is about
            more = {"methods": (*chosen["methods"], OURS), "variants": (*chosen["variants"], "no-jcp")}
            checked = {c.name: c.check(more[c.name]) for c in lesson.controls if c.name in more}
            chosen = lesson.complete(chosen | checked)
        plan, table = plan_of(chosen), {}
        keys = [] if plan is None else [(v, key[0]) for v in plan.variants for key in plan.keys(v)]
        kind = rng.random()
        for key in dict.fromkeys(keys):
            if kind < 1 / 6 or (kind < 5 / 12 and rng.random() < 0.4):
                continue
            runs = plan.instances * plan.data_seeds * (plan.seeds if key[1] in LEARNED else 1)
            table[key] = made_up(key[1], rng, 40 if rng.random() > kind + 0.4 else runs)
        if kind > 0.9:  # alike in everything
            table = {key: made_up(key[1], np.random.default_rng(equal), line.instances) for key, line in table.items()}
            equal += 1
        yield dict(lesson.experiment(given_of(table), **chosen)) | {"made": table}


def made(result):
    """The table by the order of the plan."""
    plan = plan_of(result["settings"])
    order = [] if plan is None else [(v, m) for v in plan.variants for m in plan.chosen if (v, m) in result["made"]]
    return {key: result["made"][key] for key in order}


def experiment(result):
    return EXPERIMENTS[result["settings"]["experiment"]]


def lines_asked(result):
    """One line for each method without a model, and for each learned one with each variant."""
    plan = plan_of(result["settings"])
    learned = [m for m in plan.chosen if m in LEARNED]
    return len(plan.chosen) - len(learned) + len(learned) * len(plan.variants)


def whole(result):
    """Every line is there, with as many instances as are asked for."""
    plan = plan_of(result["settings"])
    runs = plan.instances * plan.data_seeds
    wanted = {m: runs * (plan.seeds if m in LEARNED else 1) for m in plan.chosen}
    return len(made(result)) == lines_asked(result) and all(
        line.instances == wanted[method] for (_, method), line in made(result).items()
    )


def solving(result):
    """Iterations of the methods that solve at least half of the runs, with the full training."""
    return {
        method: line.iterations
        for (variant, method), line in made(result).items()
        if variant == FULL and method != "one_shot" and line.statuses["converged"] >= line.instances / 2
    }


def method_of(label):
    (found,) = [method for method, text in LABELS_OF.items() if text == label]
    return found


def fastest(result, match):
    counts = solving(result)
    few, many = method_of(match["few"]), method_of(match["many"])
    return counts[few] == min(counts.values()) < max(counts.values()) == counts[many]


def alike(result, _match):
    return len(solving(result)) >= 2 and len(set(solving(result).values())) == 1


def errors(result, label):
    """Of every variant but the full training, over that of the full training."""
    method = method_of(label)
    full = made(result)[FULL, method].error
    return {v: line.error / full for (v, m), line in made(result).items() if m == method and v != FULL}


def told_of(result):
    """The step of D-IPG that the sentence is about: ours, else the paper's, else one shot."""
    return next(LABELS_OF[m] for m in (OURS, PLAIN, "one_shot") if (FULL, m) in made(result))


def dearest(result, match):
    times = errors(result, match["step"])
    return (
        match["step"] == told_of(result)
        and times[match["variant"]] == max(times.values())
        and said(match["times"], times[match["variant"]])
        and said(match["share"], made(result)[match["variant"], method_of(match["step"])].success)
    )


def over_full(result, name, method=OURS):
    return getattr(made(result)["no JCP", method], name) / getattr(made(result)[FULL, method], name)


def jcp(result, match):
    beside = said(match["error"], over_full(result, "error")) and said(match["rjcp"], over_full(result, "rjcp"))
    without = made(result)["no JCP", OURS]
    if match.groupdict().get("count"):
        return beside and said(match["count"], over_full(result, "iterations")) and without.success >= 0.5
    return beside and without.success < 0.5


BESIDE = r"(?P<error>\S+), and RJCP by (?P<rjcp>\S+)\."
STEP = r"For (?P<step>D-IPG, plain|D-IPG, differenced|one shot, g\(y\*\)), "
SAYS = (
    Says(r"Of the ticked methods none works on this experiment\.", lambda r, m: plan_of(r["settings"]) is None),
    Says(r"Tick another one\.", lambda r, m: plan_of(r["settings"]) is None),
    Says(r"Nothing is run yet\.", lambda r, m: not made(r)),
    Says(r"Press Run\.", lambda r, m: not made(r)),
    Says(r"Not every line has numbers yet\.", lambda r, m: len(made(r)) < lines_asked(r)),
    Says(
        r"Every line has numbers, but not all of them of all instances yet\.",
        lambda r, m: len(made(r)) == lines_asked(r) and not whole(r),
    ),
    Says(r"All methods that solve at least half of the runs take equally many iterations in those\.", alike),
    Says(
        r"Of the methods that solve at least half of the runs, (?P<few>.+) takes the fewest iterations in those, and "
        r"(?P<many>.+) the most\.",
        fastest,
    ),
    Says(
        STEP + r"no variant has an error in x more than 1\.1 times the full training’s\.",
        lambda r, m: m["step"] == told_of(r) and errors(r, m["step"]) and max(errors(r, m["step"]).values()) <= 1.1,
    ),
    Says(
        STEP + r"“(?P<variant>.+)” has the largest error in x, (?P<times>\S+) times that of the full training, and "
        r"solves (?P<share>\S+ %) of its runs\.",
        dearest,
    ),
    Says(
        r"To judge the prediction, tick “no JCP” and “D-IPG, differenced”\.",
        lambda r, m: whole(r) and not {(FULL, OURS), ("no JCP", OURS)} <= set(made(r)),
    ),
    # After the prediction
    Says(
        r"Without JCP the iterations of the solved runs change by the factor (?P<count>\S+), the error in x by "
        + BESIDE,
        jcp,
    ),
    Says(r"Without JCP fewer than half of the runs are solved\.", lambda r, m: made(r)["no JCP", OURS].success < 0.5),
    Says(r"The error in x changes by the factor " + BESIDE, jcp),
    Says(
        r"The paper’s plain step solves (?P<full>\S+ %) of its runs with JCP and (?P<less>\S+ %) without\.",
        lambda r, m: (
            said(m["full"], made(r)[FULL, PLAIN].success) and said(m["less"], made(r)["no JCP", PLAIN].success)
        ),
    ),
    Says(
        r"The full training solves fewer than half of the runs here, so there is nothing to compare iterations with\.",
        lambda r, m: made(r)[FULL, OURS].success < 0.5,
    ),
)


def heights(result):
    """From above: a row of the methods without a model, one of the learned ones for each variant; a gap after each."""
    plan, found, top = plan_of(result["settings"]), {}, 0.0
    if plan is None:
        return {}
    learned = [m for m in plan.chosen if m in LEARNED]
    rows = [(FULL, [m for m in plan.chosen if m not in LEARNED]), *((v, learned) for v in plan.variants)]
    for variant, methods in rows:
        for method in methods:
            found[variant, method] = top = top - 0.5
            top -= 0.5
        top -= 0.8 if methods else 0.0
    return found


def ends(line, panel):
    """Of a bar, and its middle: the quartiles, or the error give or take its deviation."""
    if panel == "iterations":
        return [np.nan if np.isnan(value) else max(value, 0.8) for value in line.quartiles]
    return max(line.error - line.error_spread, 0.1 * line.error), line.error, line.error + line.error_spread


def strokes(method, panel, unsolved, middle):
    """Of each line of a method a bar from end to end, or a stroke through its middle; nan between two."""

    def points(result):
        found = [(np.nan, np.nan)]
        for key, y in heights(result).items():
            line = made(result).get(key)
            if key[1] != method or line is None or (line.statuses["converged"] < line.instances / 2) != unsolved:
                continue
            low, mid, high = ends(line, panel)
            found += [(mid, y - 0.36), (mid, y + 0.36)] if middle else [(low, y), (high, y)]
            found.append((np.nan, np.nan))
        return np.array(found).T

    return points


DRAWN = {
    f"{method}/{panel}{'/middle' if middle else ''}{'/unsolved' if unsolved else ''}": strokes(
        method, panel, unsolved, middle
    )
    for method in LABELS_OF
    for panel in ("iterations", "error")
    for unsolved in (False, True)
    for middle in (False, True)
}
AXES = {"iterations": ("", ""), "error": ("", "")}


def numbers_of(cell):
    """Those of a cell, with infinity: "3 [≥ 2, ∞]" has three."""
    text = cell.replace("∞", "infinity").replace("≥ ", "")
    return re.findall(r"infinity|[−\d.]+(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", text)


def bounds(line):
    """Which quantile of all runs is one of a run that used up its budget."""
    solved, budget = line.statuses["converged"], line.statuses["budget"]
    return [solved < np.ceil(share * line.instances) <= solved + budget for share in (0.25, 0.5, 0.75)]


def cell_slips(texts, line):
    def order(three):
        return [] if np.isnan(three[1]) else [three[1], three[0], three[2]]

    wanted = (
        order(line.quartiles),
        None,
        [line.statuses[name] for name in ("stalled", "budget", "diverged")],
        order(line.needed),
        [line.error, line.error_spread],
        [line.residual],
        [line.accepted],
        [] if np.isnan(line.rjcp) else [line.rjcp],
        [line.functions],
        [line.products],
        [line.inverses],
    )
    for k, (text, values) in enumerate(zip(texts, wanted, strict=True)):
        if values is None:
            right = said(text, line.success)
        else:
            told = numbers_of(text)
            right = len(told) == len(values) and all(map(said, told, values))
        if k == 3:
            low, middle, high = bounds(line)
            right &= [part.strip().startswith("≥") for part in re.split(r"[\[,]", text)] == [middle, low, high]
        if not right:
            yield f"column {k}: {text} for {values}"


def table_slips(tables, result):
    if not made(result):
        if tables:
            yield "a table of nothing"
        return
    first, *rest = tables
    rows, plan = list(first.rows), plan_of(result["settings"])
    for variant in plan.variants:
        lines = {m: made(result)[variant, m] for m in plan.chosen if (variant, m) in made(result)}
        if not lines:
            continue
        name, cells = rows.pop(0)
        if cells or name != ("full training" if variant == FULL else variant):
            yield f"{name} instead of {variant}"
        for method, line in lines.items():
            name, cells = rows.pop(0)
            if not name.startswith(LABELS_OF[method]) or ("so far" in name) == whole_line(plan, method, line):
                yield f"{name} for {method} with {line.instances} instances"
            yield from (f"{variant}, {method}: {slip}" for slip in cell_slips([cell.text for cell in cells], line))
    if rows:
        yield f"more rows: {rows}"
    yield from judged_slips([table for table in rest if table.caption.startswith("Figures asked for")], result)


def whole_line(plan, method, line):
    return line.instances == plan.instances * plan.data_seeds * (plan.seeds if method in LEARNED else 1)


def judged_slips(found, result):
    """Every figure that the table has the lines for, its value, and whether that is within what is asked."""
    rows = dict(found[0].rows) if found else {}
    verdicts = [cells[-1].text for cells in rows.values()]
    if found and f": {verdicts.count('met')} of {len(verdicts)} met" not in found[0].caption:
        yield found[0].caption
    for figure in experiment(result).figures:
        try:
            value = figure.value(made(result))
        except KeyError:
            if figure.words in rows:
                yield f"{figure.words} without its lines"
            continue
        here, asked, verdict = (cell.text for cell in rows[figure.words])
        inside = figure.low <= value <= figure.high
        limit = figure.high if np.isfinite(figure.high) else figure.low
        right = ("nan" in here or said(here, value)) and np.isclose(kit.number(asked.split()[-1]), limit)
        if not right or (verdict == "met") != inside:
            yield f"{figure.words}: {here}, {asked}, {verdict} for {value}"
