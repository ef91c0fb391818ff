"""Compute-bound, with a barrier after each step."""
