"""Limited by memory bandwidth, with a barrier after each step."""
