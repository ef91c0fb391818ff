"""A probe: sleeping."""
