"""Branchy integers, cost grows with the index."""
