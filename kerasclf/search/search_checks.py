"""The checks of a search that take no time. Needs no TensorFlow."""

from pathlib import Path

from kerasclf.errors import raise_all
from kerasclf.search.search import FINITE, Search
from kerasclf.search.search_budget import Budget
from kerasclf.search.search_folder import SearchFolder


def check_search(search: Search, out: Path | str, budget: Budget) -> Search | None:
    """Checks the search, its budget and its folder. Changes nothing.

    Returns:
        The search in the folder, with the settings it started with; None for a new search.

    Raises:
        KerasclfError: If something cannot be used.
    """
    search.check()
    raise_all("The search cannot start", budget.problems(finite=search.oracle in FINITE))
    folder = SearchFolder(Path(out))
    existing = folder.check(search)
    folder.trials()
    return existing
