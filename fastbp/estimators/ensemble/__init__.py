"""Many networks that answer as one."""
