"""C code of the standard library that releases the GIL, and its like."""
