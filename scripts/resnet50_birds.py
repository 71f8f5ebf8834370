"""S1c as a script: ResNet50 on 200 species of birds.

    python scripts/resnet50_birds.py --data PATH                      its features, with a new head
    python scripts/resnet50_birds.py --data PATH --finetune           all of it
    python scripts/resnet50_birds.py --data PATH --unfreeze stage5    a new head, then what lies above a cut

PATH holds the images and lists of Caltech-UCSD Birds 200 (2010); without it, drawn shapes show the way. Everything else
is passed on to `kerasclf study birds`, or to `kerasclf train` with --unfreeze: --weights, --quick, --plan, --jobs ...
"""

import argparse

from kerasclf.cli import main


def _arguments() -> list[str]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--finetune", action="store_true", help="train all of the network")
    what.add_argument("--unfreeze", metavar="CUT", help="train what lies above a cut: head, stage5, last15, from:LAYER")
    parser.add_argument("--data", metavar="PATH", help="the folder with images/ and lists/")
    known, others = parser.parse_known_args()
    data = ["--data", f"birds:{known.data}"] if known.data else []
    if known.unfreeze:
        drawn = ["--data", "shapes", "--image-size", "96x96"]
        return ["train", *(data or drawn), "--head", "400", "--unfreeze", known.unfreeze, *others]
    return ["study", "birds", *data, "--only", "fine_tune_all" if known.finetune else "features", *others]


if __name__ == "__main__":
    main(_arguments())
