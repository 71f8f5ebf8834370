"""S2, ResNet50, as a script: `python scripts/cifar10_resnet50.py` runs `kerasclf study cifar10-resnet50`."""

import sys

from kerasclf.__main__ import main

if __name__ == "__main__":
    main(["study", "cifar10-resnet50", *sys.argv[1:]])
