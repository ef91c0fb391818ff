"""Special questions, measured with the same machinery as the comparison: one module or folder per study."""
