"""S2, dense nets, as a script: `python scripts/cifar10_dense.py` runs `kerasclf study cifar10-dense`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "cifar10-dense", *sys.argv[1:]])
