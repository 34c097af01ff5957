"""What the lesson on diagnosis says of a run: its ending, its signature with the sign that shows it, what to try."""

import jax
import jax.numpy as jnp
import numpy as np

from core.diagnosis import FLAT, REFUSED, UNTRUSTED, Diagnosis, diagnose
from core.protocol import Status
from lessons.lesson import Cell, Table
from lessons.prediction import Option
from lessons.signatures import ADVICE, NAMES, shown_by
from lessons.words import count_word, joined, number_word, share_word

LEARNED = ("dipg_differenced", "dipg_plain")


def found(result) -> Diagnosis:
    """The diagnosis of the chosen method's run."""
    name = result["settings"]["method"]
    problem, solver = (jax.tree.map(jnp.asarray, result[part]) for part in ("problem", "solver"))
    rjcp = result["rjcp"][name][-1] if name in LEARNED else None
    return diagnose(problem, result["walks"][name], solver, rjcp, result["noise"])


def _run(result):
    return result["walks"][result["settings"]["method"]]


def reading(result):
    diagnosis = found(result)
    shown = f"The signature is **{NAMES[diagnosis.signature]}**; {sign(diagnosis, _run(result))}."
    healthy = diagnosis.signature == "healthy"
    return joined(_ending(_run(result)), shown, "" if healthy else f"*What to try:* {ADVICE[diagnosis.signature]}")


def _ending(run):
    """How the run ended, at which residual."""
    status, taken, residual = Status(int(run.status)), int(run.iterations), number_word(run.residual)
    after = f"after {count_word(taken, 'iteration')}" if taken else "at its start"
    if status == Status.CONVERGED and not taken:
        return f"The residual at the start, {residual}, is within the tolerance already."
    if status == Status.BUDGET:
        return f"All {taken} iterations are used up, and the residual is {residual}."
    if status == Status.DIVERGED:
        if not np.isfinite(run.path.residual[0]):
            return "The run cannot begin: its first residual is not finite."
        return f"The run ends {after}, at a residual of {residual}, with a proposal that is not finite."
    return f"The run {'converges' if status == Status.CONVERGED else 'stalls'} {after}, with a residual of {residual}."


def sign(diagnosis: Diagnosis, run) -> str:
    """What shows the signature, as the rest of a sentence."""
    signs = diagnosis.signs
    rjcp = f"RJCP is {number_word(signs.rjcp)} a component where it ends" if np.isfinite(signs.rjcp) else ""
    slope = f"|Jᵀr| is {number_word(signs.slope)} of |J| |r|"
    match diagnosis.signature:
        case "healthy":
            accepted = "no proposal was needed"
            if int(run.iterations):
                share = "all" if signs.accepted == 1 else share_word(signs.accepted)
                accepted = f"{share} of its proposals were accepted"
            return ", and ".join(part for part in (accepted, rjcp) if part)
        case "not_finite":
            return "the next iterate would not be finite"
        case "overfit":
            return f"the noise alone would leave a residual of {number_word(signs.noise)}, more than twice as much"
        case "minimum":
            if signs.slope < FLAT and not signs.held:
                return f"{slope}, so to first order no step lowers the residual"
            other = shown_by(diagnosis).removesuffix(".")
            return other[:1].lower() + other[1:]
        case "untrusted":
            return f"{rjcp}, so g does not invert f there"
        case "bold":
            return f"only {share_word(signs.accepted)} of its proposals were accepted"
        case "box":
            cut = f"the box cut {'one component' if signs.held == 1 else 'both components'} of its last proposal"
            return f"{cut}, while {rjcp}" if rjcp else cut
        case "slow":
            return f"the residual {_pace(run)} when the iterations were used up"
        case _:  # "floor"
            return f"{slope}, so a small step along the negative gradient would lower the residual"


def _pace(run):
    """Whether the residual lost a tenth or more over the last five iterations."""
    residual = np.asarray(run.path.residual, float)
    falling = residual[-1] <= 0.9 * residual[-6]
    return "was still falling" if falling else "had lost less than a tenth over five iterations"


def table(result):
    """Each sign beside what would be a warning."""
    signs, run = found(result).signs, _run(result)
    learned, began = np.isfinite(signs.rjcp), np.isfinite(signs.slope) and np.isfinite(signs.residual)
    tried = int(np.sum(~np.isnan(np.asarray(run.path.trials.eta)))) > 0
    halvings = int(np.sum(np.asarray(run.path.trials.halvings)))
    rows = (
        ("residual at its end", number_word(signs.residual) if began else "not finite", "above 0.001"),
        ("residual that the noise alone would leave", number_word(signs.noise), "above twice the residual"),
        ("times that η was halved", str(halvings), "–"),
        ("proposals accepted, before the end", share_word(signs.accepted) if tried else "none made",
         f"{share_word(REFUSED)} or fewer"),
        ("RJCP a component, at its end", number_word(signs.rjcp) if learned else "uses no g", f"above {UNTRUSTED:g}"),
        ("components of its last proposal that the box cut", str(signs.held), "any, if it stopped early"),
        ("|Jᵀr| over |J| |r|, in the other components", number_word(signs.slope) if began else "not finite",
         "below 0.001, if it stopped early"),
    )  # fmt: skip
    cells = tuple((name, (Cell(here), Cell(warning))) for name, here, warning in rows)
    return Table("The signs of this run", ("here", "a warning if"), cells, numeric=True)


# The question


def _is(*signatures):
    return lambda result: found(result).signature in signatures


def _no_health(result):
    """What speaks against a healthy run here."""
    diagnosis, run = found(result), _run(result)
    if Status(int(run.status)) != Status.CONVERGED:
        return "A healthy run converges, and this one did not."
    reason = {
        "overfit": "its residual is below half of what the noise alone would leave",
        "untrusted": "RJCP is high where it ended",
        "bold": "at most half of its proposals were accepted",
    }
    return f"To converge is not enough: {reason[diagnosis.signature]}."


def _trusted(result):
    signs = found(result).signs
    if np.isnan(signs.rjcp):
        return "This method uses no g, so RJCP says nothing of it."
    if signs.rjcp <= UNTRUSTED:
        return f"RJCP is {number_word(signs.rjcp)} a component where it ended, and high is above {UNTRUSTED:g}."
    return "RJCP is high, but another sign counts before it."


def _not_bold(result):
    diagnosis = found(result)
    if diagnosis.signs.accepted > REFUSED:
        share = "all" if diagnosis.signs.accepted == 1 else share_word(diagnosis.signs.accepted)
        return f"Before the end {share} of its proposals were accepted; too bold is half or fewer."
    return "Half of its proposals or more were refused, but another sign is named first."


def _not_boxed(result):
    diagnosis, run = found(result), _run(result)
    if not diagnosis.signs.held:
        return "The box cut no component of its last proposal."
    if Status(int(run.status)) == Status.CONVERGED:
        return "The box cut a proposal, but the run converged all the same."
    if Status(int(run.status)) == Status.BUDGET and diagnosis.signs.falling:
        return "The box cut a proposal, but the residual was still falling: the run was not held."
    return "The box cut its last proposal, but another sign is named first."


def _not_slow(result):
    if Status(int(_run(result).status)) != Status.BUDGET:
        taken = int(_run(result).iterations)
        ended = f"after {count_word(taken, 'iteration')}" if taken else "at its start"
        return f"It ended {ended}, before the iterations were used up."
    return "The iterations were used up, but another sign is named first."


OPTIONS = (
    Option("healthy: it converges, with most of its proposals accepted", _is("healthy"), _no_health),
    Option("not to be trusted: RJCP is high where it ends", _is("untrusted"), _trusted),
    Option("held by the box", _is("box"), _not_boxed),
    Option("too bold: half of its proposals or more are refused", _is("bold"), _not_bold),
    Option("too slow: its iterations are used up on the way", _is("slow"), _not_slow),
    Option(
        "another: over-fitting, a minimum, a floor, or a number that is not finite",
        _is("floor", "overfit", "minimum", "not_finite"),
        "One of the five signatures before it fits here.",
    ),
)


def remark(result):
    """The sign that decides it, and what a single gauge is worth here."""
    diagnosis = found(result)
    shown = sign(diagnosis, _run(result))
    lesson = {
        "box": "A low RJCP is no promise of convergence.",
        "bold": "Smaller steps were accepted, so the refusals alone do not show a bad inverse.",
        "overfit": "With as many unknowns as data a method can fit the noise too.",
    }.get(diagnosis.signature, "")
    return joined(f"{shown[:1].upper()}{shown[1:]}.", lesson)
