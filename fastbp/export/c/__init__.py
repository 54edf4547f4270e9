"""Networks as one C file that needs nothing else."""
