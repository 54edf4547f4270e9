"""Programs of a page each: `python -m fastbp.examples.pendulum`, `.cart_pole`, `.cluster`, `.control`."""
