"""One network: its epoch over chunks of samples, as loops over tiles of registers that threads share."""
