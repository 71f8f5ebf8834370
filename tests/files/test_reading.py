"""Files of text, JSON and TOML: read whole and plain, or refused."""

import pytest

from kerasclf.errors import FolderError
from kerasclf.files.reading import read_json, read_toml


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1, "a": 2}', "expected each name once. Received 'a' twice"),
        ('{"a": 9223372036854775808}', "expected integers below 2**63"),
        (f'{{"a": {"9" * 5000}}}', "Exceeds the limit"),
        ('"\\ud800"', "surrogates not allowed"),
        ("[" * 52 + "]" * 52, "expected at most 50 levels"),
        ("[" * 50_000 + "]" * 50_000, "is not valid JSON"),
        ("{", "is not valid JSON"),
    ],
)
def test_json_that_no_later_step_can_handle_is_refused(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(FolderError) as caught:
        read_json(tmp_path / "x.json")
    assert str(caught.value).startswith(f"{tmp_path / 'x.json'} cannot be read: it is not valid JSON: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"a = {'9' * 5000}", "Exceeds the limit"),
        (f"a = 0x{'f' * 5000}", "expected integers below 2**63"),
        ("a = 2024-01-01", "expected text, numbers, true or false. Received: 2024-01-01"),
        ("a = 10:00:00", "expected text, numbers, true or false"),
        ("a." * 200 + "a = 1", "expected at most 50 levels"),
        ("a = " + "[" * 20_000, "is not valid TOML"),
        ("a = ", "is not valid TOML"),
    ],
)
def test_toml_that_json_cannot_express_is_refused(tmp_path, content, message):
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(FolderError) as caught:
        read_toml(tmp_path / "x.toml")
    assert message in str(caught.value)


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "x.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FolderError, match="expected a regular file"):
        read_json(tmp_path / "folder")
