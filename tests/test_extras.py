"""Every optional package has an extra, and a message that names it."""

import builtins
import configparser
import re
from pathlib import Path

import pytest

from kerasclf.cli import COMMANDS, main
from kerasclf.extras import EXTRAS, install_command, missing_extra

ROOT = Path(__file__).parents[1]
# The distributions of modules with another name.
NAMES = {"ai_edge_litert": "ai-edge-litert"}


@pytest.fixture(scope="module")
def declared():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = {}
    for extra, text in config["options.extras_require"].items():
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        extras[extra] = {re.match(r"[\w-]+", line)[0] for line in lines}
    return extras


def test_the_extras_install_the_modules(declared):
    for extra, modules in EXTRAS.items():
        assert {NAMES.get(module, module) for module in modules} <= declared[extra]


def test_every_command_that_installs_an_extra_names_one_that_exists(declared):
    found = set()
    for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("kerasclf/**/*.py"), ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        assert "pip install 'kerasclf" not in text, f"{path}: Windows takes the single quotes for a part of the name"
        for extras in re.findall(r'"kerasclf\[([a-z,]+)\]"|install_command\("([a-z]+)"\)', text):
            found |= {*"".join(extras).split(",")}
    assert {"audit", "demo", "export", "gpu", "openvino", "ray", "tracking"} <= found <= {*declared}


def test_the_page_of_the_command_line_lists_the_extras(declared):
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    table = page.partition("## Extras")[2].partition("##")[0]
    users = {*declared} - {"dev", "docs", "bench", "bench-networks"}
    assert {*re.findall(r"`([a-z]+)`[,| ]", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
            } == users  # fmt: skip


def test_the_command_suits_every_shell():
    assert install_command("export", "openvino") == 'pip install "kerasclf[export,openvino]"'


def test_a_module_that_is_no_extra_has_no_message():
    assert missing_extra("nothing") is None and missing_extra(None) is None
    assert missing_extra("mlflow.client") == 'mlflow is not installed. Install it: pip install "kerasclf[tracking]".'


def test_a_command_that_meets_a_missing_package_says_so_without_a_traceback(monkeypatch, capsys):
    def run(command, console):
        raise ModuleNotFoundError("No module named 'onnx'", name="onnx.helper")

    monkeypatch.setattr(COMMANDS["cache"], "run", run)
    with pytest.raises(SystemExit, match="2"):
        main(["cache", "list"])
    assert capsys.readouterr().err == 'error: onnx is not installed. Install it: pip install "kerasclf[export]".\n'


def test_other_missing_modules_are_errors_of_the_program(monkeypatch):
    def run(command, console):
        raise ModuleNotFoundError("No module named 'kerasclf.nothing'", name="kerasclf.nothing")

    monkeypatch.setattr(COMMANDS["cache"], "run", run)
    with pytest.raises(ModuleNotFoundError):
        main(["cache", "list"])


def test_a_tracker_that_is_not_installed_is_named(monkeypatch):
    from kerasclf.errors import KerasclfError
    from kerasclf.studies import tracking

    def absent(name):
        raise builtins.ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(tracking.importlib, "import_module", absent)
    with pytest.raises(KerasclfError, match=r'^tensorboard is not installed\. .*"kerasclf\[tensorboard\]"\.$'):
        tracking.make_tracker("tensorboard", None).__enter__()
