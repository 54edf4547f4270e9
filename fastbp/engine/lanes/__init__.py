"""Many small networks at once: the lecture's loops on vectors, with a network in each lane."""
