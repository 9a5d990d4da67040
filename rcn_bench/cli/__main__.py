"""`python -m rcn_bench.cli`."""

import sys

from rcn_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
