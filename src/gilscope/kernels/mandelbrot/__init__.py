"""Compute-bound, rows of uneven cost."""
