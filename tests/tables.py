"""A study's table as it might come out, for tests of what is made of one: nothing is trained for it."""

from core.study import Summary
from lessons.lab.experiments import DIFFERENCED, LEARNED
from lessons.lab.study_table import NO_JCP, STATUSES, instances_of, plan_of

ERRORS = {"heat-easy": 1.7, "heat-hard": 2.7, "oscillator": 0.93, "linear": 1.0}  # without JCP, as once measured


def line(method, iterations=3.4, error=0.0045, success=1.0, rjcp=5e-5, instances=100):
    """One line; what is not named is the same for all."""
    return Summary(
        method=method,
        instances=instances,
        iterations=iterations,
        spread=0.5,
        quartiles=(iterations - 0.4, iterations, iterations + 0.6),
        success=success,
        error=error,
        error_spread=0.3 * error,
        accepted=1.0,
        residual=0.003,
        rjcp=rjcp if method in LEARNED else float("nan"),
        statuses=dict.fromkeys(STATUSES, 0),
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
