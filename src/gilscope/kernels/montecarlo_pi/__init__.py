"""Compute-bound, embarrassingly parallel."""
