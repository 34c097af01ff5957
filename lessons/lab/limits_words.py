"""What the lesson on limits says of a run and of the drawn ones: two indicators, an error, and what each is worth."""

import jax.numpy as jnp
import numpy as np

from core.diagnosis import diagnose
from core.problem import Aimed
from core.protocol import Status
from lessons.figures import METHODS
from lessons.lab import limits_study as measured
from lessons.lab.limits_study import FOUND
from lessons.lab.walking import ending, outcome
from lessons.lesson import Cell, Table
from lessons.prediction import Option
from lessons.signatures import NAMES
from lessons.words import joined, number_word, share_word

WALKERS = ("gauss_newton", "gradient_descent", "dipg_plain", "dipg_differenced")
DIPG = "dipg_differenced"
RISES, FALLS = 10.0, 0.9  # an indicator that changes by less says nothing


def at_level(result, values):
    """A curve's value at the level nearest to the settings."""
    return float(np.asarray(values)[int(result["near"])])


def rise(result):
    """RJCP in the typical run, over what it is when nothing is disturbed."""
    return at_level(result, result["curves"].rjcp[:, 0]) / float(result["calm"])


def kept(result):
    """The share of the proposals that is accepted, in the mean of the drawn runs."""
    return at_level(result, result["curves"].accepted)


def rises(result):
    return rise(result) >= RISES


def falls(result):
    return kept(result) <= FALLS


def reading(result):
    return joined(_ending(result), _indicators(result), _drawn(result))


def _ending(result):
    run, off = result["walks"][DIPG], float(result["errors"][DIPG])
    explains = Status(int(run.status)) == Status.CONVERGED and off > FOUND
    instead = ", at an x that explains its data all the same" if explains else ""
    how = ending(run) if int(run.iterations) else f"{outcome(run)} at its start"
    return f"D-IPG {how}, {number_word(off)} from the truth{instead}."


def _indicators(result):
    highest, run = float(result["highest"]), result["walks"][DIPG]
    if not np.isfinite(highest):
        return "RJCP was not finite on its way."
    side = "rose above" if highest > float(result["boundary"]) else "stayed below"
    if not int(np.sum(~np.isnan(np.asarray(run.path.trials.eta)))):
        return f"RJCP {side} its boundary, and no proposal was made."
    return f"RJCP {side} its boundary on the way, and {_share(run.accepted)} of the proposals were accepted."


def _share(share):
    return "all" if share == 1 else "none" if share == 0 else share_word(float(share))


def _drawn(result):
    """Which indicator the typical drawn run would have shown."""
    said = {
        (False, False): "neither indicator warns",
        (True, False): "only RJCP warns",
        (False, True): "only the refused proposals warn",
        (True, True): "both indicators warn",
    }
    return f"In typical runs at about this level {said[rises(result), falls(result)]}."


def signature(result):
    """The failure signature of D-IPG's run. The noise is not told: two data let two unknowns fit it without harm."""
    chosen, solver = result["settings"], measured.solver(*result["allowed"])
    known = measured.world(chosen["turn"] if chosen["disturb"] == "stale" else 0.0)
    aimed = Aimed(known, jnp.asarray(result["target"]))
    return NAMES[diagnose(aimed, result["walks"][DIPG], solver, float(result["rjcp"][-1])).signature]


def tables(result):
    """How each method's run ended; and what the drawn runs show at this level."""
    rows = []
    for name in WALKERS:
        run = result["walks"][name]
        own = (number_word(result["highest"]) if np.isfinite(result["highest"]) else "not finite", signature(result))
        numbers = f"{int(run.iterations)}", number_word(run.residual), number_word(result["errors"][name])
        rows.append((METHODS[name].label, (outcome(run), *numbers, *(own if name == DIPG else ("–", "–")))))
    columns = ("outcome", "iterations", "residual", "distance from the truth", "highest RJCP", "signature")
    ran = Table("This run", columns, _cells(rows), numeric=True)
    curves = result["curves"]
    found = (
        ("error of D-IPG", number_word(at_level(result, curves.error[DIPG][:, 0]))),
        ("error of Gauss–Newton", number_word(at_level(result, curves.error["gauss_newton"][:, 0]))),
        ("highest RJCP", number_word(at_level(result, curves.rjcp[:, 0]))),
        ("highest RJCP, nothing disturbed", number_word(result["calm"])),
        ("boundary of RJCP", number_word(result["boundary"])),
        ("proposals accepted (mean)", share_word(kept(result))),
        ("rank correlation of RJCP and error, all levels", number_word(curves.with_rjcp)),
    )
    caption = f"{measured.INSTANCES} drawn runs at the level nearest to this: medians"
    typical = Table(caption, ("here",), _cells((name, (text,)) for name, text in found), numeric=True)
    return (ran, typical, _trainings(result)) if result["against"] else (ran, typical)


def _trainings(result):
    """Noise in training against the noise of these data."""
    against, rows = result["against"], []
    for k, noise in enumerate(measured.TRAINED_NOISE.values()):
        numbers = (against[name][k] for name in ("dipg_plain", DIPG, "calm"))
        rows.append(
            (f"trained with noise {noise:g}" if noise else "trained on clean data", tuple(map(number_word, numbers)))
        )
    level = number_word(np.asarray(result["levels"])[int(result["near"])])
    columns = ("error, plain", "error, differenced", "RJCP, nothing disturbed")
    return Table(
        f"Noise {level} in the data, for a g trained with more and more: medians", columns, _cells(rows), numeric=True
    )


def _cells(rows):
    return tuple((name, tuple(map(Cell, texts))) for name, texts in rows)


# The question


def _only(above, below):
    return lambda result: (rises(result), falls(result)) == (above, below)


def _against(above, below):
    """What speaks against the answer that RJCP rises, or not, and that proposals are refused, or not."""

    def feedback(result):
        first = f"In the typical run RJCP is {share_word(rise(result))} what it is undisturbed."
        second = f"Of the proposals {_share(kept(result))} are accepted."
        return joined(first if rises(result) != above else "", second if falls(result) != below else "")

    return feedback


OPTIONS = tuple(
    Option(text, _only(*both), _against(*both))
    for text, both in (
        ("RJCP rises", (True, False)),
        ("proposals are refused", (False, True)),
        ("both", (True, True)),
        ("neither", (False, False)),
    )
)
REMARKS = {
    "noise": "Noise changes the data, and RJCP does not look at data.",
    "shared": "Both f and g are wrong in the same way, so they fit each other.",
    "stale": "Here g inverts the simulator as it was, and RJCP grows with the turn since.",
    "range": "RJCP is read where the run goes, and the run need not go to the truth.",
    "box": "The box cuts steps; it changes neither f nor g.",
    "least": "The bound cuts steps; it changes neither f nor g.",
    "start": "The run begins at the start, so RJCP is read there too.",
}


def remark(result):
    return joined("RJCP shows where on the trajectory g fails to invert f.", REMARKS[result["settings"]["disturb"]])
