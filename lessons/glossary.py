"""Every symbol and term of the course in a sentence. A lesson names those it uses; its page explains them on the spot.

Source of the symbols: the chapter "Scale-Invariance and Inversion"; the Deceptron's are those of its paper.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """symbol: as it is written in a line of text.  name: the field's term.  meaning: one or two sentences."""

    symbol: str
    name: str
    meaning: str


GLOSSARY: dict[str, Entry] = {
    # The problem
    "x": Entry("x", "cause, input", "What you look for: the simulator’s input, n numbers."),
    "y": Entry("y", "effect, output", "What the simulator makes of x: y = P(x), m numbers."),
    "target": Entry("y*", "target", "The effect you saw or wish for; you look for an x with P(x) = y*."),
    "simulator": Entry("P", "simulator", "The function that turns a cause x into its effect y = P(x)."),
    "loss": Entry("L", "loss", "How far y is from its target, as one number; here |y − y*|², without a factor ½ "
                  "unless a page says so."),
    "begin": Entry("x₀, y₀", "start", "Where a walk or a step begins: the cause x₀ and its effect y₀ = P(x₀)."),
    "alpha": Entry("α", "scale", "By how much a toy problem stretches one of its directions."),
    "eta": Entry("η", "step size", "The fraction of the gap that a step is meant to close; for gradient descent a "
                 "number with units, the learning rate."),
    "dx": Entry("Δx", "update", "What is added to x in one step."),
    "dy": Entry("Δy", "step in y", "The change of the effect that a step is meant to bring: η (y* − y)."),
    "gradient": Entry("∇L", "gradient", "The derivatives of the loss by each component of x; −∇L is the steepest way "
                      "down."),
    "jacobian": Entry("J", "Jacobian", "∂y/∂x, the matrix of all first derivatives: how y answers to a small change "
                      "of x."),
    "hessian": Entry("H", "Hessian", "∂²L/∂x², the matrix of the loss’s second derivatives: how its slope changes."),
    "width": Entry("w", "width of log-cosh", "Up to about this distance from the target log-cosh is round like L²."),
    "weight": Entry("w₂", "weight", "How much more a gap in y₂ counts in the loss than one in y₁."),
    "invariance": Entry("scale-invariant", "scale invariance", "The walk is the same for every choice of units or "
                        "scale."),
    "loglog": Entry("slope p", "slope of a log–log plot", "On two logarithmic axes y ~ xᵖ is a straight line of slope "
                    "p: ten times x, 10ᵖ times y."),
    # Methods
    "gd": Entry("GD", "gradient descent", "Δx = −η ∇L: inverts nothing."),
    "newton": Entry("Newton", "Newton’s method", "Δx = −η H⁻¹ ∇L: inverts the Hessian."),
    "ig": Entry("IG", "inverse gradient", "Δx = J⁻¹ Δy: inverts the Jacobian."),
    "pg": Entry("PG", "inverse simulator", "Δx = P⁻¹(y + Δy; x) − x: inverts the simulator itself."),
    "inverse": Entry("P⁻¹(y; x)", "local inverse", "Of all points that P maps to y, the one nearest to x."),
    "latent": Entry("z", "latent space", "A space between x and L, such as the output of an inner function."),
    "bfgs": Entry("BFGS", "quasi-Newton method", "Builds an approximation of H⁻¹ from the gradients it meets; L-BFGS "
                  "keeps only the last few."),
    "guess": Entry("B", "guess of H⁻¹", "What a quasi-Newton method believes the inverse Hessian to be."),
    "pair": Entry("s, q", "step and change of slope", "A step s = Δx, and the change of the gradient that it brought: "
                  "q ≈ H s."),
    "line-search": Entry("line search", "line search", "Tries several lengths of one step and takes one that lowers "
                         "the loss enough."),
    "definite": Entry("H ≻ 0", "positive definite", "All curvatures are positive: the loss is a bowl there."),
    "saddle": Entry("saddle", "saddle point", "The gradient is zero, but one direction leads down."),
    "pseudo-inverse": Entry("J⁺", "pseudo-inverse", "The best substitute for J⁻¹ where there is none: least squares, "
                            "and the shortest such step."),
    "singular-value": Entry("σ", "singular value", "By how much a matrix stretches one of its principal directions."),
    "threshold": Entry("τ", "threshold", "Directions whose singular value is not above it are left out of an inverse."),
    "damping": Entry("λ", "damping of Levenberg–Marquardt", "Shortens its step, most along directions that J hardly "
                     "answers to: 0 is Gauss–Newton, large is a short gradient step."),
    "order": Entry("O(hᵖ)", "order", "The error falls like the p-th power: halve h, and it is 2ᵖ times smaller."),
    "level": Entry("c", "level", "Where a toy loss has its two valleys: at x₂ = ±√c."),
    # Physics
    "time": Entry("t, Δt", "time, time step", "How long a simulation runs, and how much of it one of its steps covers; "
                  "−Δt goes backwards."),
    "nu": Entry("ν", "diffusivity", "How fast heat spreads."),
    "k": Entry("k", "wave number", "2π over the wavelength: a large k is a fine ripple."),
    "mode": Entry("mode", "mode", "A pattern that a linear simulator only scales: here sine waves."),
    "noise": Entry("ε", "size of the noise", "The size of a ripple or an error that is added to data or to a loss."),
    "zeta": Entry("ζ", "damping ratio", "How strongly friction brakes an oscillator; 0 is none."),
    "omega": Entry("ω", "angular frequency", "2π over the period of an oscillation."),
    "symplectic": Entry("symplectic", "symplectic integrator", "A way of taking time steps that keeps phase-space "
                        "volume, and so nearly the energy, for ever."),
    # Learning the inverse
    "conditioning": Entry("ξ", "unevenness", "The two sensitivities of the turned sine differ by ξ²."),
    "f": Entry("f", "forward map", "The Deceptron’s model of the simulator, x to y."),
    "g": Entry("g", "reverse map", "The Deceptron’s learned local inverse, y to x."),
    "jvp": Entry("J v", "Jacobian–vector product", "How y answers to a small change v of x: one run forward, no "
                 "matrix."),
    "vjp": Entry("Jᵀu", "vector–Jacobian product", "How u · y depends on x: one run and one sweep back, no matrix. A "
                 "gradient is one."),
    "probe": Entry("v", "probe", "A vector of random signs, +1 or −1, that is pushed through a matrix to learn of it."),
    "defect": Entry("|C − I|²", "composition defect", "The sum of all squared entries of J_g J_f − I: 0 where g undoes "
                    "small changes of f, n for a g that ignores y."),
    "jcp": Entry("JCP", "Jacobian Composition Penalty", "E|J_g J_f v − v|² over random probes v: the training loss "
                 "that asks g’s Jacobian to invert f’s."),
    "rjcp": Entry("RJCP", "the same error at run time", "|J_g(f(x)) J_f(x) − I|² at a point: 0 where g undoes small "
                  "changes of f. It compares g with f alone, so a small value is no proof that g(y) is right."),
    "dipg": Entry("D-IPG", "Deceptron Inverse-Preconditioned Gradient", "Plans a step −η r in y, with the residual "
                  "r = y − y*, and pulls it back to x through the learned g."),
    "left-inverse": Entry("V A = I", "left inverse", "V undoes A. With more data than unknowns there are many such V; "
                          "the smallest is A⁺."),
    "armijo": Entry("Armijo", "Armijo’s rule", "A step is accepted only if it lowers the residual by a sensible "
                    "share; else it is halved."),
}  # fmt: skip
