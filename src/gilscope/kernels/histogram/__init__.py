"""Private counts per chunk, summed at the end."""
