"""S2, convnets, as a script: `python scripts/cifar10_conv.py` runs `kerasclf study cifar10-conv`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "cifar10-conv", *sys.argv[1:]])
