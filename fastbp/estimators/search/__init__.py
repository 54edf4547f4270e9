"""Searches over parameters, whose fits are one training."""
