"""S4 as a script: `python scripts/course.py --quick` is `kerasclf study course --quick`."""

import sys

from kerasclf.cli import main

if __name__ == "__main__":
    main(["study", "course", *sys.argv[1:]])
