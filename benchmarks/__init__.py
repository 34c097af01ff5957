"""What the course promises about speed, measured: `python -m benchmarks` prints one table against the budgets."""
