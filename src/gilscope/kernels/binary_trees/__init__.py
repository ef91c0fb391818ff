"""Allocator and reference counts."""
