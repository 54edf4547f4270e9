"""Many networks as one training: grouping, scheduling, and the batch whose networks share the lanes of vectors."""
