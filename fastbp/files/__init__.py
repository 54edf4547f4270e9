"""Files that outlive the process: models and checkpoints, written whole or not at all, read without trust."""
