"""What everything speaks: errors, units, names, cases, records. Standard library only."""
