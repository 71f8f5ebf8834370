"""S1a as a script: `python scripts/basenet.py --quick` runs `kerasclf study basenet --quick`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "basenet", *sys.argv[1:]])
