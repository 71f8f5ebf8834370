"""Every lesson runs from a clean kernel in its quick form."""

import pytest

from notebooks.lessons import sources

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_a_lesson_runs_in_its_quick_form(source, tmp_path):
    pytest.importorskip("nbclient", reason="nbclient is not installed: make notebooks installs it")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: make notebooks installs it")
    from notebooks.execute import execute

    notebook = execute(source, tmp_path, quick=True)
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    assert "error" not in {output["output_type"] for output in outputs}


def test_an_error_in_a_lesson_is_one(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: make notebooks installs it")
    from notebooks.execute import execute

    path = tmp_path / "wrong.md"
    path.write_text("# Wrong\n\n```python\n1 / 0\n```\n")
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        execute(path, tmp_path, quick=True)
