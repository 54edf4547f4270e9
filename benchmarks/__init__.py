"""Loops and matrix products timed side by side: `pytest benchmarks` shows it, `python -m benchmarks` publishes it."""
