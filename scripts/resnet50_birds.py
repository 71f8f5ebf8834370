"""S1c as a script: ResNet50 on 200 species of birds.

    python scripts/resnet50_birds.py --data PATH                      train a new head on its features
    python scripts/resnet50_birds.py --data PATH --finetune           train the whole network
    python scripts/resnet50_birds.py --data PATH --unfreeze stage5    train a new head, then the last stage as well

PATH holds the images and lists of Caltech-UCSD Birds 200 (2010). Without it, synthetic shapes show the workflow. Other
flags (--weights, --quick, --plan, --jobs ...) go to `kerasclf study birds`, or to `kerasclf train` with --unfreeze.
"""

import argparse

from kerasclf.__main__ import main


def _arguments() -> list[str]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--finetune", action="store_true", help="train the whole network")
    what.add_argument("--unfreeze", metavar="PART", help="what to train: head, stage5, last15, from:LAYER")
    parser.add_argument("--data", metavar="PATH", help="folder with images/ and lists/")
    known, others = parser.parse_known_args()
    data = ["--data", f"birds:{known.data}"] if known.data else []
    if known.unfreeze:
        shapes = ["--data", "shapes", "--image-size", "96x96"]
        return ["train", *(data or shapes), "--head", "400", "--unfreeze", known.unfreeze, *others]
    only = [] if "--only" in others else ["--only", "fine_tune_all" if known.finetune else "features"]
    return ["study", "birds", *data, *only, *others]


if __name__ == "__main__":
    main(_arguments())
