"""Inverse simulators: a step planned in y, carried back to x by the local inverse of the simulator itself."""
