"""The commands of the manual: each exists with its options, and those of the tutorials do what the page shows."""

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from kerasclf.cli import COMMANDS
from kerasclf.commands.options.command_line import command_line_problems
from kerasclf.models.backbones import bare
from tests.audit.test_real_images import SPECIES, unpacked
from tests.tutorials import Step, give, steps, unlike, write

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
TUTORIALS = sorted(ROOT.glob("docs/tutorials/*.md"))
# The file of MobileNetV2's weights that keras.applications downloads once.
DOWNLOADED = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def test_a_page_is_read_as_its_reader_follows_it():
    text = '# A\n\n```python title="a.py"\nprint("1")\n```\n\n```\npython a.py   # a comment\n```\n\n```\n1\n```\n\n'
    text += "```\nfolder/\n```\n\n```python\nx\n```\n\n```\nkerasclf cite\nkerasclf models\n```\n"
    assert steps(text) == [
        Step(file="a.py", content='print("1")\n'),
        Step(commands=("python a.py",), shown="1\n"),
        Step(commands=("kerasclf cite", "kerasclf models")),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "wrong"),
    [
        ("test accuracy 0.95  3 s", "test accuracy 0.9125  12 s", []),
        ("│ a │ ━━━ 1 │", "x\n│ a  │ ━━━━━ 2  │", []),
        ("runs/a-47b7e70e/x", "runs/a-00aa11bb/x", []),
        ("data: images of …", "data: images of my_photos, 10 classes", []),
        ("no such line", "another line", ["no such line"]),
        ("report: a/index.html", "report: b/index.html", ["report: a/index.html"]),
    ],
)
def test_lines_are_compared_without_their_numbers(shown, printed, wrong):
    assert unlike(shown, printed) == wrong


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_has_the_options_that_the_page_gives(page):
    blocks = re.findall(r"```\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    problems = []
    for line in lines:
        if line.startswith("kerasclf ") and "…" not in line and not re.search(r"[<>|]", line):
            name, *words = shlex.split(re.split(r"\s+#\s|\s{5,}", line)[0])[1:]
            if name in COMMANDS and "--help" not in words:
                problems += [f"{line}: {one}" for one in command_line_problems(name, COMMANDS[name], words)]
    assert problems == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory):
    """The variables of a new user, whose home is empty."""
    home = tmp_path_factory.mktemp("home")
    names = {"KERAS_HOME": str(home / "keras"), "KERASCLF_CACHE": str(home / "cache"), "PYTHONPATH": str(ROOT)}
    return {**os.environ, **names}


def photographs(real_data, keras_home):
    """Lays out the photographs of the tutorial, and the weights where Keras would download them."""
    archive, weights = real_data / "birds.tar.gz", real_data / "weights" / "mobilenet_v2_notop.weights.h5"
    if not archive.is_file() or not weights.is_file():
        pytest.skip(f"the birds or the weights of MobileNetV2 are not in {real_data}")
    unpacked(archive, tuple(f"birds/images/{number:03}." for number in SPECIES), "packed")
    for species in sorted(Path("packed/birds/images").iterdir()):
        files = sorted(species.iterdir())
        for number, file in enumerate(files):
            target = Path("my_photos" if number < len(files) - 8 else "later") / species.name.partition(".")[2]
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    network = bare("mobilenet_v2")
    network.load_weights(weights)
    keras_home.joinpath("models").mkdir(parents=True)
    network.save(keras_home / "models" / DOWNLOADED)


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=name_of)
def test_a_tutorial_works_word_for_word(page, folder, environment, request):
    if page.name == "photographs.md":
        photographs(request.getfixturevalue("real_data"), Path(environment["KERAS_HOME"]))
    for step in steps(page.read_text(encoding="utf-8")):
        if step.file and Path(step.file).exists():  # written by a command: the page shows its beginning
            assert unlike(step.content, Path(step.file).read_text(encoding="utf-8")) == [], step.file
        elif step.file:
            write(step.file, step.content)
        printed = "".join(give(command, environment) for command in step.commands if not interactive(command))
        if step.commands and not any(map(interactive, step.commands)):
            assert unlike(step.shown, printed) == [], f"{step.commands}\n{printed}"


def interactive(command):
    """Returns whether a command waits for the reader, or installs something."""
    return command.startswith(("pip ", "kerasclf demo "))
