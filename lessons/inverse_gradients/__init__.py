"""Inverse gradients: a step planned in y, carried back to x by the inverse of the Jacobian."""
