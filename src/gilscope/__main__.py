"""``python -m gilscope`` is ``gilscope``."""

import sys

from gilscope.cli import main

if __name__ == "__main__":
    sys.exit(main())
