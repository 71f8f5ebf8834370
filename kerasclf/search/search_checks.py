"""What can be said of a search before anything slow is loaded. Needs no TensorFlow."""

from pathlib import Path

from kerasclf.errors import raise_all
from kerasclf.search.budget import Budget
from kerasclf.search.search import ENDING, Search
from kerasclf.search.search_folder import SearchFolder


def check_search(search: Search, out: Path | str, budget: Budget) -> Search | None:
    """Checks the search, its budget and its folder, and changes nothing.

    Returns:
        The search that the folder holds, as it was begun; None of a new one.

    Raises:
        KerasclfError: Something cannot be used.
    """
    search.check()
    raise_all("The search cannot be begun", budget.problems(ends_by_itself=search.oracle in ENDING))
    folder = SearchFolder(Path(out))
    held = folder.check(search)
    folder.trials()
    return held
