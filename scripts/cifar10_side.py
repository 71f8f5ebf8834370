"""S2, the side experiments, as a script: `python scripts/cifar10_side.py` runs `kerasclf study cifar10-side`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "cifar10-side", *sys.argv[1:]])
