"""Training: what a training is asked for, how far it has come, the one loop over epochs, and what ends it."""
