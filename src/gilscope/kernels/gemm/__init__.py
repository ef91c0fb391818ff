"""Limited by the caches; BLAS for comparison."""
