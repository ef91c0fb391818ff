"""Recursion, sub-trees of uneven size."""
