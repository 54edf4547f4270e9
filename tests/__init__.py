"""Correctness: three witnesses (the twin, finite differences, networks worked out by hand), and the house rules."""
