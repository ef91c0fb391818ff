"""A probe: false sharing."""
