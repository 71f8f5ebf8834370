"""`Log`: a callback that receives messages for the user, one line each."""

from collections.abc import Callable

Log = Callable[[str], None]
