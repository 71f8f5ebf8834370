"""Folds repeated blocks of an outline into one."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from kerasclf.models.explaining.outline import Element, Fork, Line, Repeat

# No block of the catalogue has more layers in a row.
_MAX_BLOCK = 24


def fold(elements: Sequence[Element]) -> tuple[Element, ...]:
    """Replaces consecutive equal elements by one `Repeat`, within branches too.

    Blocks are equal if their layers have the same settings and their outputs the same height and width. The number of
    channels may grow, as in DenseNet: the line then has the first and the last number.
    """
    folded = [_fold_branches(element) for element in elements]
    while found := _best_repeat([_key(element) for element in folded]):
        start, length, times = found
        end = start + length * times
        body = tuple(map(_spanning, folded[start : start + length], folded[end - length : end]))
        folded[start:end] = [Repeat(times, body)]
    return tuple(folded)


def _fold_branches(element: Element) -> Element:
    return Fork(tuple(map(fold, element.branches))) if isinstance(element, Fork) else element


def _key(element: Element) -> Hashable:
    """Returns a key that is the same for elements that may be folded."""
    if isinstance(element, Line):
        return element.text, element.shape[:-1]
    if isinstance(element, Fork):
        return tuple(tuple(map(_key, branch)) for branch in element.branches)
    return element.times, tuple(map(_key, element.body))


def _best_repeat(keys: list[Hashable]) -> tuple[int, int, int] | None:
    """Returns the start, length and number of the repeats that save most elements.

    Ties go to the shortest, then to the last one: a block then starts with its branches and not in its middle.
    """
    best, best_saved = None, 0
    for length in range(min(_MAX_BLOCK, len(keys) // 2), 0, -1):
        for start in range(len(keys) - 2 * length + 1):
            times = 1
            block = keys[start : start + length]
            while keys[start + times * length : start + (times + 1) * length] == block:
                times += 1
            saved = (times - 1) * length
            if saved and saved >= best_saved:
                best, best_saved = (start, length, times), saved
    return best


def _spanning(first: Element, last: Element) -> Element:
    """Returns the first of several equal elements, with the shapes of the last one added."""
    if isinstance(first, Line) and isinstance(last, Line):
        return replace(first, last_shape=last.last_shape or last.shape)
    if isinstance(first, Fork) and isinstance(last, Fork):
        branches = zip(first.branches, last.branches, strict=True)
        return Fork(tuple(tuple(map(_spanning, one, other)) for one, other in branches))
    if isinstance(first, Repeat) and isinstance(last, Repeat):
        return Repeat(first.times, tuple(map(_spanning, first.body, last.body)))
    raise AssertionError("unreachable: elements with the same key are of one kind")
