"""`Log`: the callback that takes a line for the user, under one name everywhere."""

from collections.abc import Callable

Log = Callable[[str], None]
