"""A probe: contention for reference counts."""
