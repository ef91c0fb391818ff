"""Limited by memory bandwidth."""
