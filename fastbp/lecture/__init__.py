"""The lecture: its formulas as index loops, as matrix products, and the gradient by differences."""
