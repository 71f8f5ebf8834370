"""Makes pictures of the manual anew: `make pictures`, or `python -m docs.make_pictures study` for some of them.

    study         plan.svg, progress.svg and report.png, of the study of a tutorial
    photographs   gradcam.png and demo.png, of crops of two photographs that come with scikit-learn

Needs Linux, `script` of util-linux, and Chromium. The photographs need the extra `demo` and the ImageNet weights of
MobileNetV2: they are downloaded, or come from the file or the folder that KERASCLF_WEIGHTS names.
"""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.text import Text
from sklearn.datasets import load_sample_images

from tests.chromium import Chromium
from tests.tutorials import steps

IMAGES = Path(__file__).with_name("images")
TUTORIAL = Path(__file__).parent / "tutorials" / "own_study.md"
PLAN = "kerasclf study basenet --data shapes --repeats 3 --plan"
_COLUMNS = 110
_UP, _CLEAR = "\x1b[1A", "\x1b[2K"  # to the line above; the whole line
_MOST_LINES = 16

# Centres of crops, as x and y from and to, in the photographs of 640×427 pixels: of what a class is, and of neither.
_CENTRES = {
    "pagoda": (0, (150, 260, 120, 300)),
    "dahlia": (1, (250, 370, 170, 270)),
    "sky_or_trees": (0, (430, 570, 80, 340)),
    "leaves": (1, (80, 110, 80, 340)),
}
_CROPS = 40  # of each class


def make_study(folder: Path) -> None:
    """Makes the pictures of a plan, and of the bars and the report of the study in a tutorial."""
    _save_terminal(PLAN, _screens(_record(PLAN, folder))[-1], IMAGES / "plan.svg")
    program = next(step for step in steps(TUTORIAL.read_text(encoding="utf-8")) if step.file)
    (folder / program.file).write_text(program.content, encoding="utf-8")
    command = f"python {program.file}"
    _save_terminal(command, _liveliest(_screens(_record(command, folder))), IMAGES / "progress.svg")
    _record("kerasclf report runs/flips", folder)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Chromium(profile) as browser:
        browser.open((folder / "runs" / "flips" / "report" / "index.html").as_uri())
        browser.wait_for("document.readyState == 'complete'")
        browser.screenshot(IMAGES / "report.png", height=1000, scale=1.5)
    _shrink(IMAGES / "report.png", colours=64)


def make_photographs(folder: Path) -> None:
    """Makes the pictures of Grad-CAM and of the page of `kerasclf demo`."""
    photographs = _write_crops(folder / "photographs")
    for name, photograph in photographs.items():
        photograph.save(folder / f"{name}.png")
    weights = shlex.quote(os.environ.get("KERASCLF_WEIGHTS", "imagenet"))
    _record(f"kerasclf train photographs --backbone mobilenet_v2 --weights {weights} --out run", folder)
    _record(f"kerasclf show gradcam run {' '.join(f'{name}.png' for name in photographs)} --out gradcam.png", folder)
    (folder / "gradcam.png").replace(IMAGES / "gradcam.png")
    _shrink(IMAGES / "gradcam.png", colours=256)
    _take_demo(folder)
    _shrink(IMAGES / "demo.png", colours=256)


def _write_crops(folder: Path) -> dict[str, Image.Image]:
    """Writes the crops of each class as a folder of images, and returns square photographs of the first two classes."""
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    draws = np.random.default_rng(0)
    for name, (number, (left, right, top, bottom)) in _CENTRES.items():
        (folder / name).mkdir(parents=True)
        for index in range(_CROPS):
            x, y, half = draws.integers(left, right), draws.integers(top, bottom), draws.integers(60, 80)
            crop = photographs[number].crop((x - half, y - half, x + half, y + half)).resize((224, 224))
            crop.save(folder / name / f"{index:02}.png")
    boxes = {"pagoda": (0, 0, 427, 427), "dahlia": (100, 0, 527, 427)}
    return {name: photographs[_CENTRES[name][0]].crop(box).resize((448, 448)) for name, box in boxes.items()}


def _take_demo(folder: Path) -> None:
    """Takes the picture of the page that `kerasclf demo` serves, with an uploaded photograph."""
    command = [sys.executable, "-m", "kerasclf", "demo", "run", "--port", "0"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        url = next(found[0] for line in server.stdout if (found := re.match(r"http://\S+", line)))
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Chromium(profile) as browser:
            browser.open(url)
            browser.wait_for("document.querySelector('input[type=file]') !== null")
            browser.choose_file(folder / "dahlia.png")
            browser.wait_for("document.body.innerText.includes('Nearest training images')")
            browser.wait_for("[...document.images].every(image => image.complete)")
            browser.screenshot(IMAGES / "demo.png")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _record(command: str, folder: Path) -> str:
    """Returns what a command of Python or kerasclf prints in a terminal, with all its control sequences."""
    print(command, flush=True)
    program, _, words = command.partition(" ")
    python = shlex.quote(sys.executable) + (" -m kerasclf" if program == "kerasclf" else "")
    line = f"stty cols {_COLUMNS} rows 40; {python} {words}"
    done = subprocess.run(["script", "-qec", line, "/dev/null"], cwd=folder, stdout=subprocess.PIPE)
    printed = done.stdout.decode()  # text=True would turn each return of the cursor into a new line
    if done.returncode != 0:
        sys.exit(printed)
    return printed


def _screens(text: str) -> list[list[str]]:
    """Returns the lines of the terminal each time before some are replaced, and at the end."""
    lines, row, screens, is_new = [""], 0, list[list[str]](), False
    for piece in re.split(rf"(\r\n|\r|\n|{re.escape(_UP)}|{re.escape(_CLEAR)})", text):
        if piece in (_UP, _CLEAR):
            if is_new:
                screens.append([line for line in lines if line.strip()])
            is_new = False
            if piece == _UP:
                row = max(0, row - 1)
            else:
                lines[row] = ""
        elif piece in ("\n", "\r\n"):
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece not in ("", "\r"):  # rich clears each line before it writes it anew
            lines[row] += piece
            is_new = True
    return [*screens, [line for line in lines if line.strip()]]


def _liveliest(screens: list[list[str]]) -> list[str]:
    """Returns the screen with the most bars that show a loss, the nearest to the middle of the recording."""
    bars = [sum("━" in line and "loss" in line for line in screen) for screen in screens]
    best = [number for number, count in enumerate(bars) if count == max(bars)]
    return screens[min(best, key=lambda number: abs(number - len(screens) // 2))]


def _save_terminal(command: str, lines: list[str], path: Path) -> None:
    """Writes a picture of a terminal: a command and the last lines that it printed. It loads no font."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=_COLUMNS, file=nowhere)
        console.print(f"$ {command}", highlight=False)
        console.print(Text.from_ansi("\n".join(lines[-_MOST_LINES:])))
        svg = console.export_svg(title="kerasclf")
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


def _shrink(path: Path, colours: int) -> None:
    """Writes a picture with fewer colours, in a fraction of its bytes."""
    Image.open(path).convert("RGB").quantize(colours).save(path, optimize=True)


def main() -> None:
    """Makes the pictures that the command line names, or all."""
    makers = {"study": make_study, "photographs": make_photographs}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *makers], help="study or photographs; both without one")
    for name in parser.parse_args().names or makers:
        with tempfile.TemporaryDirectory(prefix="kerasclf-pictures-") as folder:
            makers[name](Path(folder))


if __name__ == "__main__":
    main()
