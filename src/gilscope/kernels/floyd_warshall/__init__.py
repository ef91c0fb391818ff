"""Integers with a barrier for every node."""
