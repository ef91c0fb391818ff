"""A probe: a known share of the GIL."""
