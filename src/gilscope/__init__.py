"""Will this code run in parallel in Python, which way, on how many cores, and what stops it?"""

__version__ = "0.1.0"

__all__ = ["__version__"]
