"""A probe: arithmetic in registers."""
