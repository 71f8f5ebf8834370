"""Plain JSON types against a schema."""

from typing import Any, Literal, NotRequired, TypedDict

import pytest

from kerasclf.errors import FolderError
from kerasclf.schema import check_schema, matches


class Inner(TypedDict):
    count: int
    share: float


class Outer(TypedDict):
    name: str
    kind: Literal["full", "quick"]
    inner: Inner
    numbers: list[int]
    by_name: dict[str, str]
    anything: Any
    note: NotRequired[str | None]


RIGHT = {"name": "x", "kind": "full", "inner": {"count": 1, "share": 0.5}, "numbers": [1, 2], "by_name": {"a": "b"},
         "anything": [None], "unknown": 3}  # fmt: skip


def test_a_match_may_have_more_names():
    check_schema(RIGHT, Outer, "file")
    check_schema({**RIGHT, "note": None, "inner": {"count": 1, "share": 1}}, Outer, "file")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "file cannot be read: name: expected text. Received: 3."),
        ({"kind": "ful"}, "file cannot be read: Unknown kind 'ful'. Did you mean 'full'? Known: full, quick."),
        ({"kind": 1}, "file cannot be read: kind: expected 'full' or 'quick'. Received: 1."),
        ({"inner": []}, "file cannot be read: inner: expected an object. Received: []."),
        ({"inner": {"count": 1}}, "file cannot be read: 'inner.share' is missing."),
        ({"inner": {"count": True, "share": 1}},
         "file cannot be read: inner.count: expected an integer. Received: True."),
        ({"inner": {"count": 1, "share": float("nan")}},
         "file cannot be read: inner.share: expected a finite number. Received: nan."),
        ({"numbers": [1, "2"]}, "file cannot be read: numbers[1]: expected an integer. Received: '2'."),
        ({"numbers": None}, "file cannot be read: numbers: expected a list. Received: None."),
        ({"by_name": {"a": 1}}, "file cannot be read: by_name.a: expected text. Received: 1."),
        ({"note": 1}, "file cannot be read: note: expected text or null. Received: 1."),
        ({"name": 3, "numbers": [""]},
         "file cannot be read:\n  - name: expected text. Received: 3.\n"
         "  - numbers[0]: expected an integer. Received: ''."),
    ],
)  # fmt: skip
def test_a_mismatch_is_named(changes, message):
    with pytest.raises(FolderError) as caught:
        check_schema({**RIGHT, **changes}, Outer, "file")
    assert str(caught.value) == message


def test_the_message_is_short_whatever_the_value():
    with pytest.raises(FolderError) as caught:
        check_schema(["x" * 10_000] * 1000, list[int], "file")
    assert len(str(caught.value)) < 5000
    assert str(caught.value).endswith("and 990 more")


@pytest.mark.parametrize("plain", [None, [], 3, "text"])
def test_no_object_is_said(plain):
    assert not matches(plain, Outer)
    with pytest.raises(FolderError, match="expected an object"):
        check_schema(plain, Outer, "file")
