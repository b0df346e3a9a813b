"""`python -m bpcompare`."""

import sys

from bpcompare.cli import main

if __name__ == "__main__":
    sys.exit(main())
