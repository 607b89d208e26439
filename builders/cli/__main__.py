"""`python -m builders.cli` is `nt`."""

import sys

from builders.cli import main

if __name__ == "__main__":  # processes that are spawned import it
    sys.exit(main())
