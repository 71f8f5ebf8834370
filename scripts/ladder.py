"""S1b as a script: `python scripts/ladder.py --quick` runs `kerasclf study ladder --quick`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "ladder", *sys.argv[1:]])
