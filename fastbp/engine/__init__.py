"""The lecture's loops at the speed of the machine; README.md here tells how a tile works."""
