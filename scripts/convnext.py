"""S5 as a script: `python scripts/convnext.py --quick` runs `kerasclf study convnext --quick`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "convnext", *sys.argv[1:]])
