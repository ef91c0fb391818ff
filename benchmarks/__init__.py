"""The comparison as pytest-benchmark suite, the plain C yardstick, and benchmarks of gilscope itself."""
