"""A probe: reference counts without contention."""
