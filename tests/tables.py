"""A study's table as it might come out, for tests of what is made of one: nothing is trained for it."""

import numpy as np

from core.study import Summary
from lessons.lab.experiments import DIFFERENCED, LEARNED
from lessons.lab.study_table import NO_JCP, STATUSES, instances_of, plan_of

ERRORS = {"heat-easy": 1.7, "heat-hard": 2.7, "oscillator": 0.93, "linear": 1.0}  # without JCP, as once measured


def line(method, iterations=3.4, error=0.0045, success=1.0, rjcp=5e-5, instances=100):
    """One line; what is not named is the same for all."""
    solved = round(float(np.clip(np.nan_to_num(success), 0, 1)) * instances)
    return Summary(
        method=method,
        instances=instances,
        iterations=iterations,
        spread=0.5,
        quartiles=(iterations - 0.4, iterations, iterations + 0.6),
        needed=(iterations - 0.4, iterations, iterations + 0.6) if success > 0.75 else (np.inf,) * 3,
        given_up=(np.nan,) * 3 if success == 1 else (2.0, 3.0, 5.0),
        exact=(3.0, 3.0, 4.0),
        success=success,
        error=error,
        error_spread=0.3 * error,
        accepted=1.0,
        residual=0.003,
        rjcp=rjcp if method in LEARNED else float("nan"),
        statuses=dict.fromkeys(STATUSES, 0) | {"converged": solved, "stalled": instances - solved},
        functions=8.0,
        products=4.0,
        inverses=7.0,
        cosine=1.0,
        apart=0.0,
    )


def made_up(settings):
    """The table of these settings; nothing where no method can be run."""
    plan, table = plan_of(settings), {}
    for variant in () if plan is None else plan.variants:
        for method in dict.fromkeys(key[0] for key in plan.keys(variant)):
            worse = ERRORS[plan.experiment.slug] if variant == NO_JCP and method == DIFFERENCED else 1.0
            table[variant, method] = line(method, error=0.0045 * worse, instances=instances_of(plan, method))
    return table
