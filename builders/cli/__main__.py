"""`python -m builders.cli` is `nt`."""

import sys

from builders.cli import main

sys.exit(main())
