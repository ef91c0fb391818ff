"""A probe: no false sharing."""
