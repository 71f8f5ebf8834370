"""S3 as a script: `python scripts/art.py --quick` runs `kerasclf study art --quick`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "art", *sys.argv[1:]])
