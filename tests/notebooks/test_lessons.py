"""The lessons: each notebook is that of its source, has outputs, and names what exists. Needs no Jupyter."""

import ast
import importlib
import re

import pytest

from notebooks.lessons import SPANISH, make_notebook, notebook_of, read_notebook, sources
from notebooks.outputs import LEFT_OUT
from tests.test_prose import count_words, sentences

# Lines of IPython, which Python does not read.
MAGIC = re.compile(r"^(\s*)%.*$", re.MULTILINE)
LONGEST_CELL, LONGEST_LINE = 25, 120
# A path below a folder that only the machine of the run has.
ABSOLUTE = re.compile(r"(?<![\w$~.*/-])/(?:home|mnt|opt|private|root|tmp|Users|var|work)/[\w.-]+")
SHOWS_IMAGES = re.compile(r"\b(dataset\.preview|draw_contact_sheet)\(")
WRITTEN = re.compile(r"%%writefile (\w+)\.py\n")


@pytest.fixture(scope="module", params=sources(), ids=lambda source: source.stem)
def source(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(source):
    return read_notebook(notebook_of(source))


def code_of(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def text_of(cell):
    return "".join(cell["source"])


def python_of(cell):
    """Returns the Python of a cell: what it writes to a file, or itself without magics."""
    return MAGIC.sub(r"\1pass", WRITTEN.sub("", text_of(cell), count=1))


def test_there_is_a_notebook_for_each_lesson():
    names = [source.stem for source in sources()]
    assert names == [
        "1_basenet", "2_augmentation", "3_batch_norm", "4_birds", "5_ten_mistakes", "6_own_network", "7_ejercicios",
    ]  # fmt: skip
    assert {path.stem for path in sources()[0].parent.glob("*.ipynb")} == {*names}


def test_a_source_becomes_cells(tmp_path):
    path = tmp_path / "lesson.md"
    path.write_text("# Title\n\n```python\na = 1\n\nb = 2\n```\n\n```python\nb\n```\nText\n```\nno cell\n```\n")
    cells = make_notebook(path)["cells"]
    assert [(cell["cell_type"], text_of(cell)) for cell in cells] == [
        ("markdown", "# Title"), ("code", "a = 1\n\nb = 2"), ("code", "b"), ("markdown", "Text\n```\nno cell\n```"),
    ]  # fmt: skip
    assert [cell["id"] for cell in cells] == ["cell-01", "cell-02", "cell-03", "cell-04"]


def test_a_notebook_has_the_cells_of_its_source(source, notebook):
    """Otherwise: make notebooks KEEP=1 LESSONS=NAME."""
    expected = [(cell["id"], cell["cell_type"], text_of(cell)) for cell in make_notebook(source)["cells"]]
    *cells, made = notebook["cells"]
    assert [(cell["id"], cell["cell_type"], text_of(cell)) for cell in cells] == expected
    assert re.search(r" s (on|en) .*TensorFlow [\d.]+ (and|y) Keras [\d.]+", text_of(made))


def test_a_notebook_is_valid(notebook):
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    for cell in code_of(notebook):
        assert {*cell} == {"id", "cell_type", "metadata", "source", "execution_count", "outputs"}
    nbformat = pytest.importorskip("nbformat", reason="the structure alone was checked: nbformat is not installed")
    nbformat.validate(nbformat.from_dict(notebook))


def test_a_notebook_was_run_from_top_to_bottom_without_error(notebook):
    cells = code_of(notebook)
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert "error" not in {output["output_type"] for output in outputs}
    assert any("image/png" in output.get("data", {}) for output in outputs)
    streams = [output for output in outputs if output["output_type"] == "stream"]
    assert [output["text"] for output in streams if output["name"] == "stderr"] == []


def test_a_notebook_keeps_no_folder_of_a_machine(notebook):
    outputs = [output for cell in code_of(notebook) for output in cell["outputs"]]
    texts = [output.get("text", "") for output in outputs]
    texts += [output.get("data", {}).get(form, "") for output in outputs for form in ("text/plain", "text/html")]
    assert [found for text in texts for found in ABSOLUTE.findall("".join(text))] == []


def test_a_notebook_keeps_no_images_that_may_not_be_passed_on(notebook):
    for cell in code_of(notebook):
        code, data = text_of(cell), [output.get("data", {}) for output in cell["outputs"]]
        assert code.endswith(LEFT_OUT) == bool(SHOWS_IMAGES.search(code)), code
        assert not code.endswith(LEFT_OUT) or not any("image/png" in one for one in data), code


def test_the_first_cell_of_code_installs_kerasclf_on_colab_and_says_what_to_do_elsewhere(source, notebook, capsys):
    first = python_of(code_of(notebook)[0])
    assert "%pip install --quiet kerasclf" in text_of(code_of(notebook)[0])
    with pytest.raises(SystemExit) as caught:
        exec(first.replace("import kerasclf\n", "raise ModuleNotFoundError\n"), {})
    assert "Run %pip" in str(caught.value) or "Ejecuta %pip" in str(caught.value)
    exec(first, {})


def test_the_second_cell_chooses_the_quick_form(source, notebook):
    name = "RAPIDO" if source.stem.endswith(SPANISH) else "QUICK"
    assert f'{name} = os.environ.get("KERASCLF_NOTEBOOK_QUICK") == "1"' in text_of(code_of(notebook)[1])


def test_cells_are_short_and_import_what_exists(notebook):
    for cell in code_of(notebook):
        lines = text_of(cell).splitlines()
        assert len(lines) <= LONGEST_CELL, lines[0]
        assert max(map(len, lines)) <= LONGEST_LINE, max(lines, key=len)
        for node in ast.walk(ast.parse(python_of(cell))):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "kerasclf":
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == [], node.module


def test_a_lesson_asks_questions_in_short_sentences(source):
    text = source.read_text(encoding="utf-8")
    assert len(re.findall(r"\*\*(Think|Piensa)\.\*\*", text)) >= 3
    counts = {sentence: count_words(sentence) for sentence in sentences(text)}
    assert max(counts.values()) <= 40 and sum(counts.values()) / len(counts) < 20
