"""How wrong may an inverse be? The convergence of inverse simulators as an experiment (chapter, "Deep dive")."""

import jax
import jax.numpy as jnp
import numpy as np

from core.fallback import Astray, miss
from core.rollout import rollout
from core.toys import Wavy
from core.trust import contraction_bound
from core.updates import inverse_gradient, inverse_simulator
from lessons.controls import Choice, Landmark, Point, Preset, Slider, Step
from lessons.deep.notes import CONVERGENCE_TEACHING, convergence_takeaway
from lessons.figures import METHODS, Axis, Drawing, Line, Mark, Panel, drawable
from lessons.lesson import Claim, Lesson
from lessons.prediction import Option, Prediction
from lessons.words import code, count_word, joined, number_word

STEPS = 20
VIEW = 4.0
TARGET = (-0.5, -0.8)
START = (2.2, 1.4)
ARRIVED = 1e-2  # of the first distance; nearer to y* a miss is not looked at, in float32 it would be rounding
EDGE = 5e-3  # a miss that is so near to the length of the plan is as long, one so near to nothing is none
STILL = 5e-3  # a run whose distance changes by a smaller share an iteration keeps it, to the eye
ALIKE = 0.055  # a distance that is so near to the first one is about the same
NEAR = 0.05  # a start that is so near to y* has nothing to run for
NOTHING = 1e-4  # a distance below it is none
TURNS = np.linspace(0.0, 2.0 * np.pi, 33)
CIRCLE = np.stack([np.cos(TURNS), np.sin(TURNS)], axis=-1)
RULES = {"astray": inverse_simulator, "first": inverse_gradient}
INVERSES = {"astray": "led astray", "first": "first order, J⁻¹"}


def simulate(inverse, turn, stretch, eta, start):
    """The run in y, its distance to y*, how much each step missed, and what is promised for the largest miss."""
    exact = Wavy(target=TARGET)
    problem = Astray(exact, jnp.radians(turn), stretch) if inverse == "astray" else exact
    path = rollout(RULES[inverse], problem, exact.inverse(start, start), STEPS, eta=eta)
    distance = jnp.linalg.norm(path.y - exact.target, axis=-1)
    before, after = path.x[:-1], path.x[1:]
    missed = jax.vmap(lambda x, other: miss(exact, x, other - x, eta))(before, after)
    missed = jnp.where(distance[:-1] > jnp.maximum(ARRIVED * distance[0], NOTHING), missed, jnp.nan)
    largest = jnp.max(jnp.where(jnp.isnan(missed), 0.0, missed))
    factor = contraction_bound(largest**2, eta)
    degrees = [jnp.degrees(jnp.arccos(half)) for half in (stretch / 2, eta * stretch / 2)]
    return {
        "path": path,
        "distance": distance,
        "miss": missed,
        "largest": largest,
        "factor": factor,
        "promised": jnp.where(
            (largest < 1) & (distance[0] > NOTHING), distance[0] * factor ** jnp.arange(STEPS + 1), jnp.nan
        ),
        "aim": path.y + eta * (exact.target - path.y),
        "reach": eta * distance,
        "edge": degrees[0],
        "standstill": degrees[1],
    }


def draw(result):
    settings, path, distance = result["settings"], result["path"], result["distance"]
    method = "inverse_simulator" if settings["inverse"] == "astray" else "inverse_gradient"
    label = METHODS[method].label
    y, aim, steps = drawable(path.y), drawable(result["aim"]), np.arange(STEPS + 1)
    plan = np.stack([y, aim], axis=-2)
    disc = drawable(result["aim"][..., None, :] + result["reach"][..., None, None] * CIRCLE)
    whole = {"label": "miss as long as the plan", "colour": "text", "dash": "dot", "width": 1.5, "legend": True}
    drawn = {"group": "run", "label": label, "colour": METHODS[method].colour, "width": 2.2}
    return Drawing(
        panels=(
            Panel("y", "y-space: the plan, and where the step lands", Axis("y₁", (-VIEW, VIEW)),
                  Axis("y₂", (-VIEW, VIEW)), big=True, equal=True),
            Panel("distance", "distance to y*", Axis("iteration", (0, STEPS)), Axis("", (1e-3, 1e3), log=True)),
            Panel("miss", "q, the miss over the plan’s length", Axis("iteration", (0, STEPS)), Axis("q", (0.0, 3.0))),
        ),
        lines=(
            Line("run/y", "y", y[..., 0], y[..., 1], role="path", dots=True, legend=True, **drawn),
            Line("plan", "y", plan[..., 0], plan[..., 1], label="the plan Δy", colour="text", width=2.5, role="segment",
                 legend=True),
            Line("disc", "y", disc[..., 0], disc[..., 1], role="segment", **whole),
            Line("run/distance", "distance", steps, np.clip(distance, NOTHING, 1e9), role="path", **drawn),
            Line("promised", "distance", steps, np.maximum(result["promised"], NOTHING), label="promised for that q",
                 dash="dash", width=1.5, legend=True),
            Line("miss", "miss", steps[:-1], np.minimum(result["miss"], 1e6), colour="text", width=2.0, role="path",
                 dots=True, label="q"),
            Line("limit", "miss", [0, STEPS], [1.0, 1.0], label="q = 1", dash="dot", width=1.5, answer=False),
        ),
        marks=(
            Mark("target", "y", "cross", *TARGET, "y*"),
            Mark("limit-here", "miss", "label", STEPS - 4.0, 1.15, "q = 1"),
        ),
        numbers={"edge": result["edge"], "standstill": result["standstill"]},
        step=settings["step"],
    )  # fmt: skip


def ratios(result):
    """By what each iteration multiplied the distance to y*, as far as the run is not at y*."""
    distance = np.asarray(result["distance"], float)
    return (distance[1:] / np.where(distance[:-1] > 0, distance[:-1], 1.0))[~np.isnan(result["miss"])]


def reading(result):
    if result["distance"][0] <= NOTHING:
        return "The start is y* itself, so there is no step to plan. Move the start."
    return joined(_promise(result), _end(result), _all_the_same(result))


def _promise(result):
    """What the theorem says of the largest miss."""
    largest = float(result["largest"])
    begun = f"The largest miss is q = {number_word(largest, 3)}"
    if largest <= EDGE:
        return "No step misses by a hundredth of its plan: an iteration leaves about $1 - \\eta$ of the distance."
    if abs(largest - 1) <= EDGE:
        return "The largest miss is as long as the plan: there the theorem promises next to nothing."
    if largest > 1:
        return f"{begun}: a miss longer than the plan, so the theorem promises nothing."
    factor = number_word(result["factor"])
    return f"{begun}, so the theorem promises a factor of at most {factor} an iteration."


def _end(result):
    """When the run arrived, or how far it is."""
    share = np.asarray(result["distance"], float) / float(result["distance"][0])
    if np.any(share <= ARRIVED):
        return f"A hundredth of the distance is left after {count_word(int(np.argmax(share <= ARRIVED)), 'iteration')}."
    if abs(share[-1] - 1) < ALIKE:
        return "In the end the distance is about what it was at first."
    return f"In the end the distance is {number_word(share[-1])} times the first."


def _all_the_same(result):
    """Where nothing is promised and the run comes nearer: the condition is sufficient, not necessary."""
    if float(result["largest"]) <= 1 + EDGE:
        return ""
    if np.all(ratios(result) < 1):
        return "Every iteration led nearer all the same: the condition is sufficient, not necessary."
    if np.any(result["distance"] <= ARRIVED * result["distance"][0]):
        return "The run arrives all the same: the condition is sufficient, not necessary."
    return ""


def unasked(result):
    """Where the text does not tell the answer, or there is none."""
    if result["settings"]["inverse"] == "first":
        return "The first-order inverse has another miss at every step: look how q falls as the run comes nearer."
    if result["distance"][0] < NEAR:
        return "The start is at y*, so there is nothing to predict."
    if abs(_factor(result) - 1) < STILL:
        return "Here the run hardly changes its distance to y*: the edge between nearer and farther."
    return ""


def _factor(result):
    """By what the first iteration multiplies the distance; an inverse that is led astray keeps to it."""
    return float(np.append(ratios(result), np.nan)[0])


def _same_factor(result):
    return f"Every iteration multiplies the distance by the same factor, {number_word(_factor(result), 3)}."


OPTIONS = (
    Option(
        "nearer with every iteration",
        lambda r: _factor(r) < 1,
        "The step is so long and so far aside that it ends outside the circle around y* on which it began.",
    ),
    Option(
        "farther with every iteration",
        lambda r: _factor(r) > 1,
        "Though it misses its aim, the step ends inside the circle around y* on which it began.",
    ),
    Option("first nearer, then farther", lambda _r: False, _same_factor),
)


def remark(result):
    q = float(result["largest"])
    size = "as long as" if abs(q - 1) <= EDGE else "longer than" if q > 1 else "shorter than"
    return f"{_same_factor(result)} The miss is {size} the plan."


def _settings():
    """A spread of inverses that are led astray."""
    for turn in (0.0, 30.0, 59.0, 65.0, 100.0):
        for stretch in (0.3, 1.0, 1.9):
            for eta in (0.1, 0.5, 1.0):
                yield {"turn": turn, "stretch": stretch, "eta": eta}


def _promise_claim(lesson):
    """Where q < 1 no iteration exceeds the promised factor; with full steps along the miss it is reached."""
    slack, count = [], 0
    for chosen in (*_settings(), *({"inverse": "first", "eta": eta} for eta in (0.1, 0.3, 0.5))):
        result = lesson.experiment(**chosen)
        if result["largest"] < 1:
            slack.append(float(np.max(ratios(result)) - result["factor"]))
            count += 1
    tight = float(ratios(lesson.experiment(turn=40.0, eta=1.0))[0] - lesson.experiment(turn=40.0, eta=1.0)["factor"])
    return (max(slack), count, tight), max(slack) < 1e-9 and count > 15 and abs(tight) < 1e-9


def _not_necessary_claim(lesson):
    """q is above 1 and yet every iteration leads nearer; with a larger eta it leads away."""
    near, far = lesson.experiment(), lesson.experiment(eta=1.0)
    found = float(near["largest"]), float(np.max(ratios(near))), float(np.min(ratios(far)))
    return found, found[0] > 1.05 and found[1] < 0.95 and found[2] > 1.05


def _angle_claim(lesson):
    """Nearer just where eta s < 2 cos(turn)."""
    wrong = [
        chosen
        for chosen in _settings()
        if (_factor(lesson.experiment(**chosen)) < 1)
        != (chosen["eta"] * chosen["stretch"] < 2 * np.cos(np.radians(chosen["turn"])))
    ]
    return wrong, not wrong


def _first_order_claim(lesson):
    """The first step of the first-order inverse misses by more than the plan, and the run arrives."""
    result = lesson.experiment(inverse="first", eta=1.0)
    found = float(result["miss"][0]), float(np.max(ratios(result))), float(result["distance"][-1])
    return found, found[0] > 1.2 and found[1] > 1 and found[2] < 1e-9


LESSON = Lesson(
    slug="convergence",
    title="How wrong may an inverse be?",
    question="Must every step land near its aim for the run to arrive?",
    text=(
        "An inverse simulator plans a step $\\Delta y = -\\eta\\,(y - y^*)$ and asks $P^{-1}$ for the $x$ that makes "
        "it. A local inverse is seldom exact: the step lands beside $y + \\Delta y$. Let $q$ be the length of this "
        "miss over the length of $\\Delta y$. **If $q$ never exceeds a bound below 1, the run converges**: each "
        "iteration multiplies the distance to $y^*$ by $1 - \\eta\\,(1 - q)$ at most. Here an inverse is **led "
        "astray** on purpose: it turns the planned step by an angle θ and stretches it $s$ times. So the step is "
        "$\\eta s\\,|y - y^*|$ long and points θ aside of $y^*$. Or the inverse is the **first-order** one, "
        "$x + J^{-1}\\Delta y$. The simulator is $P(x) = (x_1,\\ x_2 + 2\\sin x_1)$."
    ),
    minutes=6,
    controls=(
        Step("step", "step", STEPS, STEPS),
        Slider("turn", "θ, turned by", 0.0, 150.0, 65.0, unit="°", when=("inverse", ("astray",)),
               landmarks=(Landmark("q = 1", number="edge"), Landmark("keeps its distance", number="standstill"))),
        Slider("stretch", "s, stretched", 0.2, 2.0, 1.0, "log", when=("inverse", ("astray",))),
        Slider("eta", "η, step size", 0.05, 1.0, 0.4, landmarks=(Landmark("full step", 1.0),)),
        Choice("inverse", "the inverse", INVERSES, "astray"),
        Point("start", "start", "y", (-VIEW, -VIEW), (VIEW, VIEW), START),
        Preset("a small turn", {"inverse": "astray", "turn": 30.0, "stretch": 1.0}),
        Preset("J⁻¹, a bold step", {"inverse": "first", "eta": 1.0}),
    ),
    simulate=simulate,
    draw=draw,
    reading=reading,
    prediction=Prediction(
        "The inverse turns every planned step by θ = {turn:.0f}°; s is {stretch:.3g} and η is {eta:.3g}. Does the run "
        "come nearer to y*?",
        OPTIONS,
        remark=remark,
        unasked=unasked,
    ),
    why=(
        "Let $e = y - y^*$. The plan alone would leave $(1 - \\eta)\\,e$. The miss adds a vector that is "
        "$q\\,|\\Delta y| = q\\,\\eta\\,|e|$ long, in some direction. The triangle inequality does the rest:\n\n"
        "$$|e_{new}| \\le (1 - \\eta)\\,|e| + \\eta\\,q\\,|e| = (1 - \\eta\\,(1 - q))\\,|e|.$$\n\n"
        "Nothing else of $P$ or its inverse enters. The bound is reached when the miss points along $e$, or with full "
        "steps, where only the miss is left. **It is sufficient, not necessary**: a miss to the side costs less than "
        "one along $e$. A step that is turned by θ leads nearer as long as $\\eta s < 2\\cos\\theta$, so that at 65°, "
        "where $q$ is 1.07, the run arrives with small η and leaves with η = 1. The first-order inverse may miss by "
        "more than its plan at first; its miss shrinks like $|\\Delta y|^2$, so that $q$ falls as the run comes "
        "nearer.\n\n" + code(contraction_bound) + "\n\n"
        "With $\\sqrt{RJCP}$ in place of $q$ this is what a low RJCP promises of a learned inverse "
        "([RJCP and speed](speed))."
    ),
    limits=(
        "The theorem speaks of y: an inverse that changes the branch keeps it and still walks to another x "
        "([Many causes](branches)). It needs $q$ at every step of the run, which nobody knows before; a run can check "
        "it step by step ([Falling back](fall-back)). "
        "And where no x gives $y^*$, no inverse has a small $q$ to the end."
    ),
    sources=(
        "Physics-based Deep Learning, chapter “Scale-Invariance and Inversion”, section “Deep Dive into Inverse "
        "simulators” (says that the optimisation converges and refers to a paper for the proof; the condition on the "
        "miss, its proof and the figures are this course’s).",
    ),
    claims=(
        Claim("Wherever q < 1, no iteration exceeds the factor 1 - eta (1 - q); with full steps it is reached.",
              _promise_claim),
        Claim("At 65° q is above 1; with eta = 0.4 every iteration leads nearer, with eta = 1 farther.",
              _not_necessary_claim),
        Claim("A turned step leads nearer just where eta s < 2 cos(turn).", _angle_claim),
        Claim("The first-order inverse with full steps first misses by more than its plan, leads farther, and arrives.",
              _first_order_claim),
    ),
    symbols=("y", "target", "inverse", "pg", "dy", "eta", "jacobian", "rjcp"),
    takeaway=convergence_takeaway(STEPS, TARGET),
    teaching=CONVERGENCE_TEACHING,
    alt="y-space with the run towards y*, the plan of the current step and the circle of a miss as long as the plan; "
    "the distance to y* by iteration beside what is promised; the miss of every step beside the line q = 1.",
)  # fmt: skip
