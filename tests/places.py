"""Where the lessons are tried: which choices, how many drawn settings, and where another answer is right."""

# Each set of choices is compiled once; these are the ones that the claims compile anyway.
CHOICES = {
    "start": [{}],
    "crux": [{"axes": "straight"}, {"axes": "turned"}],
    "four-ways": [
        *({"problem": name} for name in ("squared", "scaled", "sheared", "sine")),
        {"problem": "squared", "inverse": "numerical"},
    ],
    "units": [{"problem": name} for name in ("sheared", "squared", "sine")],
    "sensitivity": [{"problem": name} for name in ("bowl", "incline", "sheared", "sine")],
    "latent-step": [*({"problem": name, "latent": cut} for name in ("squared", "sine", "linear") for cut in "zy")],
    "singular": [{"problem": name} for name in ("two", "three", "one", "sine")],
    "three-spaces": [
        {"problem": "squared", "method": "inverse_simulator"},
        {"problem": "sine", "method": "newton"},
        {"problem": "sheared", "method": "gradient_descent"},
        {"problem": "squared", "method": "inverse_gradient"},
    ],
    "heat": [{}],
    "time-reversal": [{"precision": "float64"}, {"precision": "float32"}],
    "near-optimum": [{"problem": name} for name in ("fourth", "square", "toy", "tanh")],
    "many-targets": [{"problem": name} for name in ("squared", "sine", "sheared")],
    "branches": [{"problem": "squared"}, {"problem": "sine"}],
    "scorecard": [{"problem": name} for name in ("squared", "sine", "sheared")],
    "path-average": [{"problem": name} for name in ("square", "sine", "line")],
    "fall-back": [{"broken": name} for name in ("outside", "range", "linear")],
    "loss-step": [{"loss": "logcosh"}, {"loss": "weighted"}, {"loss": "square", "problem": "sheared"}],
    "probes": [{"pair": name} for name in ("young", "trained", "squared", "dense")],
    "train": [{"problem": "sine"}, {"problem": "squared"}, {"problem": "sheared", "architecture": "slabs"}],
    "dipg": [{"problem": "sine"}, {"problem": "squared"}],
    "linear-check": [{}, {"data": "square", "condition": "30"}, {"trained": "noisy"}],
    "heat-1d": [{}, {"problem": "hard", "jcp": "without"}],
    "quasi-newton": [{"problem": name} for name in ("bowl", "rough", "banana")],
    "hessian-terms": [{}],
    "newton-breaks": [{"loss": name} for name in ("exact", "tanh", "relu")],
    "noise": [{"problem": "sheared"}, {"problem": "banana"}],
    "newton-cost": [{}],
}
MOST = 120  # settings that are drawn of a lesson
# Fewer where each takes long: they work with a trained model.
EXAMPLES = {"probes": 60, "train": 20, "dipg": 30, "heat-1d": 20}

# Settings at which another answer than at the defaults is right: a prediction that cannot fail asks nothing.
OTHERWISE = {
    "start": {"xi": 1.0},
    "crux": {"alpha": 1.0},
    "four-ways": {"problem": "sheared"},
    "units": {"unit": 1.0},
    "sensitivity": {"alpha": 300.0},
    "latent-step": {"problem": "linear"},
    "singular": {"problem": "three"},
    "three-spaces": {"eta": 0.8},
    "heat": {"time": 0.01},
    "time-reversal": {"zeta": 0.2},
    "near-optimum": {"problem": "square"},
    "many-targets": {"problem": "sheared"},
    "branches": {"start": (1.4, 1.8), "reach": 1.0},
    "scorecard": {"problem": "sheared"},
    "path-average": {"problem": "line"},
    "loss-step": {"width": 10.0},
    "fall-back": {"turn": 0.0},
    "probes": {"pair": "dense"},
    "train": {"problem": "sheared", "architecture": "slabs"},
    "dipg": {"problem": "squared", "start": (0.85, -0.75)},
    "quasi-newton": {"problem": "banana"},
    "hessian-terms": {"x": 2.1},
    "newton-breaks": {"start_x2": 1.5},
    "noise": {"wave_number": 2.0},
    "newton-cost": {"n": 1e3},
    "linear-check": {"data": "square"},
    "heat-1d": {"noise": 0.001},
}
