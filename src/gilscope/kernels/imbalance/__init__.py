"""A probe: work that grows from item to item."""
