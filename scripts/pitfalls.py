"""The pitfalls as a script: `python scripts/pitfalls.py --quick` runs `kerasclf study pitfalls --quick`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "pitfalls", *sys.argv[1:]])
