"""`python -m witting`: the same as `witting`."""

from __future__ import annotations

import sys

from witting.doors.cli import main

if __name__ == "__main__":
    sys.exit(main())
