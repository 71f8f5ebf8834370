"""How many planted faults `kerasclf check` finds: near-duplicates across sets, and wrong labels.

    python -m benchmarks.planted_faults FOLDER OUT --backbone efficientnet_lite0 --weights FILE

FOLDER has one folder per class. OUT/photos gets its images in the sets train, valid and test. Every second test image
is planted in the training set, too: cropped, as a JPEG of quality 40, brighter, mirrored, or resized to half its side
and back. 5 % of the other training images move to another class. `kerasclf check --price` then writes OUT/check.

A pair is planted if its images are a test image and its variant. A wrong label is planted if the image has moved.
Precision is the planted share of the findings, recall the found share of the planted faults. Pairs that the data had
before count against the precision.
"""

import argparse
import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

# The first share of each class is for training, up to the second for validation, and the rest for the test.
SHARES = (0.6, 0.68)
WRONG_LABELS = 0.05

Pair = tuple[str, str]


def cropped(image: Image.Image) -> Image.Image:
    """Returns an off-centre crop of 85 % of each side, in the size of the image."""
    width, height = image.size
    left, top = round(0.03 * width), round(0.06 * height)
    return image.crop((left, top, left + round(0.85 * width), top + round(0.85 * height))).resize(image.size)


def compressed(image: Image.Image) -> Image.Image:
    """Returns the image as a JPEG of quality 40 shows it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.3)


def resized(image: Image.Image) -> Image.Image:
    """Returns the image resized to half its side and back."""
    width, height = image.size
    return image.resize((width // 2, height // 2)).resize(image.size)


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "crop": cropped, "jpeg": compressed, "brightness": brighter, "flip": ImageOps.mirror, "resize": resized,
}  # fmt: skip


def plant(folder: Path, photos: Path, seed: int) -> tuple[dict[Pair, str], set[str]]:
    """Copies the images of a folder into sets and plants faults.

    Args:
        folder: Folder with one folder per class.
        photos: A new folder.
        seed: Seed of the wrong labels.

    Returns:
        The kind of each planted pair, a training and a test image as CLASS/FILE; and the training images with a wrong
        label, in the same form.
    """
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    pairs: dict[Pair, str] = {}
    own = []
    for name in classes:
        files = sorted(path for path in (folder / name).iterdir() if path.is_file())
        first, second = (round(share * len(files)) for share in SHARES)
        for subset, of_set in (("train", files[:first]), ("valid", files[first:second]), ("test", files[second:])):
            (photos / subset / name).mkdir(parents=True)
            for file in of_set:
                shutil.copy(file, photos / subset / name / file.name)
        own += [f"{name}/{file.name}" for file in files[:first]]
        for number, file in enumerate(files[second::2]):
            kind = list(VARIANTS)[number % len(VARIANTS)]
            variant = f"{name}/{kind}_{file.stem}.jpg"
            with Image.open(file) as image:
                VARIANTS[kind](image.convert("RGB")).save(photos / "train" / variant, quality=92)
            pairs[variant, f"{name}/{file.name}"] = kind
    return pairs, _mislabel(photos / "train", own, classes, np.random.default_rng(seed))


def _mislabel(train: Path, own: Sequence[str], classes: Sequence[str], rng: np.random.Generator) -> set[str]:
    """Moves images to another class, and returns where they are then."""
    moved = set()
    for index in rng.choice(len(own), round(WRONG_LABELS * len(own)), replace=False).tolist():
        name, _, file = own[index].partition("/")
        other = classes[(classes.index(name) + int(rng.integers(1, len(classes)))) % len(classes)]
        new = f"{name}_{file}"  # another class may have a file of that name
        (train / name / file).rename(train / other / new)
        moved.add(f"{other}/{new}")
    return moved


def found_faults(findings: Path) -> tuple[set[Pair], set[str]]:
    """Returns the pairs of a training and a test image, and the training images with a label error, of a check."""
    pairs, wrong = set(), set()
    with findings.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sides = {row["set"]: row["file"], row["other_set"]: row["other_file"]}
            if row["kind"] == "near_across" and sides.keys() == {"train", "test"}:
                pairs.add((sides["train"], sides["test"]))
            elif row["kind"] == "label_error":
                wrong.add(f"{row['set']}: {row['file']}")
    return pairs, {name.removeprefix("train: ") for name in wrong}


def summary(title: str, found: Collection[object], planted: Collection[object]) -> str:
    """Returns the precision and the recall of some findings as a line.

    Example:
        >>> summary("label errors", {"a", "b", "c"}, {"a", "b", "d", "e"})
        'label errors: 3 found, 4 planted, 2 of both; precision 67 %, recall 50 %'
    """
    hits = len(set(found) & set(planted))
    precision, recall = 100 * hits / max(len(found), 1), 100 * hits / max(len(planted), 1)
    return (
        f"{title}: {len(found)} found, {len(planted)} planted, {hits} of both; precision {precision:.0f} %, "
        f"recall {recall:.0f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with one folder per class")
    parser.add_argument("out", type=Path, help="a new folder for the images and the check")
    parser.add_argument("--seed", type=int, default=0, help="seed of the wrong labels (default: 0)")
    parser.add_argument("--backbone", help="as for kerasclf check")
    parser.add_argument("--weights", help="as for kerasclf check")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists")
    pairs, wrong = plant(options.folder, options.out / "photos", options.seed)
    given = [
        text for name in ("backbone", "weights") if (value := vars(options)[name]) for text in (f"--{name}", value)
    ]
    check = ["check", f"folder:{options.out / 'photos'}", "--out", str(options.out / "check"), "--price", *given]
    code = subprocess.run([sys.executable, "-m", "kerasclf", *check], check=False).returncode
    if code not in (0, 1):
        sys.exit(code)
    found, errors = found_faults(options.out / "check/findings.csv")
    print(summary("near-duplicates of train and test", found, pairs))
    for kind in VARIANTS:
        of_kind = {pair for pair, planted in pairs.items() if planted == kind}
        print(f"  {kind}: {len(of_kind & found)} of {len(of_kind)}")
    print(summary("label errors", errors, wrong))


if __name__ == "__main__":
    main()
