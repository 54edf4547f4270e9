"""The lecture's loops at the speed of the machine: compiled, allocates nothing, checks nothing."""
