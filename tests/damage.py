"""Hypothesis strategies that damage files: truncated and flipped bytes, other JSON, other cells of a table."""

import copy
import json

from hypothesis import strategies as st

# Values that a schema must refuse, or that a page must survive.
ODD_VALUES = (
    None, True, -1, 0, 99, 2**62, 10**30, float("nan"), float("inf"), 1e308, -1e308, 0.5, "", "../../x", "/etc/passwd",
    "\x00", "\x1b[31m", "\u202etxt", "$10_$20", "$x_{", "[old]", "a[/b]", "=cmd()", "<script>", "|`", "_", "nul",
    "cat1.jpg\r", "two\r\nlines", "cafe\u0301", "x" * 300, "\ud800", [], {}, [[]], {"a": {}}, [None], list(range(9)),
)  # fmt: skip
ODD_NAMES = [value for value in ODD_VALUES if isinstance(value, str)]
odd_values = st.sampled_from(ODD_VALUES)
names = st.one_of(st.sampled_from(ODD_NAMES), st.text(max_size=20), st.text("$_\\{}[]|`<>\"',\r\n\t\x1b", max_size=8))


@st.composite
def damaged_bytes(draw, content: bytes):
    """Bytes of a file after one of several accidents."""
    raw = bytearray(content)
    match draw(st.sampled_from(["cut", "flip", "flip", "replace", "insert", "repeat", "zeros", "numbers"])):
        case "cut":
            del raw[draw(st.integers(0, len(raw))) :]
        case "flip":
            for _ in range(draw(st.integers(1, 8))):
                position = draw(st.integers(0, max(len(raw) - 1, 0)))
                raw[position] ^= 1 << draw(st.integers(0, 7))
        case "replace":
            start = draw(st.integers(0, len(raw)))
            raw[start : start + draw(st.integers(1, 40))] = draw(st.binary(max_size=40))
        case "insert":
            start = draw(st.integers(0, len(raw)))
            raw[start:start] = draw(st.binary(min_size=1, max_size=40))
        case "repeat":
            start = draw(st.integers(0, len(raw)))
            raw[start:start] = raw[start : start + draw(st.integers(1, 200))]
        case "zeros":
            start, length = draw(st.integers(0, len(raw))), draw(st.integers(1, 64))
            raw[start : start + length] = bytes(len(raw[start : start + length]))
        case "numbers":  # lengths and sizes in binary headers
            start = draw(st.integers(0, max(len(raw) - 8, 0)))
            raw[start : start + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\1\0"])
            )
    return bytes(raw)


@st.composite
def damaged_json(draw, content: bytes):
    """A JSON file in which one or two values or names were replaced, removed or repeated."""
    plain = json.loads(content)
    for _ in range(draw(st.integers(1, 2))):
        holders = list(_holders(plain))
        if not holders:
            break
        holder = draw(st.sampled_from(range(len(holders))).map(holders.__getitem__))
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        match draw(st.sampled_from(["value", "value", "value", "remove", "name", "same"])):
            case "value":
                holder[key] = copy.deepcopy(draw(odd_values))
            case "remove":
                del holder[key]
            case "name" if isinstance(holder, dict):
                holder[draw(names)] = holder.pop(key)
            case "same" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
    if draw(st.integers(0, 30)) == 0:
        plain = draw(odd_values)
    return json.dumps(plain).encode()


@st.composite
def damaged_table(draw, content: bytes):
    """A CSV file in which one or two cells, lines or the header were changed."""
    lines = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(draw(st.integers(1, 2))):
        row = draw(st.integers(0, len(lines) - 1))
        cell = draw(st.integers(0, max(len(lines[row]) - 1, 0)))
        odd = draw(
            st.sampled_from(["", "nan", "inf", "-inf", "-1", "99", "1e308", "1e400", "9" * 400, "x", '"', "1.5"])
        )
        match draw(st.sampled_from(["cell", "cell", "longer", "remove", "repeat", "empty"])):
            case "cell" if lines[row]:
                lines[row][cell] = odd
            case "longer":
                lines[row].append(odd)
            case "remove" if len(lines) > 1:
                del lines[row]
            case "repeat":
                lines.insert(row, list(lines[row]))
            case "empty":
                del lines[row + 1 :]
    return "\n".join(map(",".join, lines)).encode("utf-8", "surrogatepass")


def _holders(plain):
    """Yields every list and object with contents."""
    if isinstance(plain, dict | list) and plain:
        yield plain
        for item in plain.values() if isinstance(plain, dict) else plain:
            yield from _holders(item)
