"""A probe: computing and sleeping in turns."""
