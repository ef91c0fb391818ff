"""Irregular reads, rows of very uneven length."""
