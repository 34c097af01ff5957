"""Part one of the course: why gradients scale wrongly, and what inverting them repairs."""
