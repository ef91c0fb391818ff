"""Runs over time: in the terminal, as a page, as a badge."""
