"""S4 as a script: `python scripts/course.py --quick` runs `kerasclf course --quick`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["course", *sys.argv[1:]])
