"""The pairs of experiments that a study compares, where some experiments are missing or have other names."""

from collections.abc import Collection, Mapping

Pairs = tuple[tuple[str, str], ...]


def remaining_pairs(pairs: Pairs, names: Collection[str]) -> Pairs:
    """Returns the pairs of those experiments that remain. Where the base of a pair is missing, its own base is taken.

    The steps 1, 2 and 3 of a ladder without step 2 are compared as 3 with 1.
    """
    base_of = dict(reversed(pairs))
    found = []
    for one, other in pairs:
        passed = {one}
        # Pairs may form a circle, of which some experiments are missing.
        while other not in names and other in base_of and other not in passed:
            passed.add(other)
            other = base_of[other]
        if one in names and other in names and one != other:
            found.append((one, other))
    # Two missing steps may lead to one base. A pair gets one verdict.
    return tuple(pair for index, pair in enumerate(found) if set(pair) not in map(set, found[:index]))


def rename_pairs(pairs: Pairs, names: Mapping[str, str]) -> Pairs:
    """Returns the pairs with other names of the experiments."""
    return tuple((names.get(one, one), names.get(other, other)) for one, other in pairs)
