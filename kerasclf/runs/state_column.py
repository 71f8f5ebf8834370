"""A column of a live table that gives way to the others in a narrow terminal."""

from rich.progress import Task, TextColumn
from rich.table import Column
from rich.text import Text


class StateColumn(TextColumn):
    """Shows the field `state` of a task, shortened to the place that the other columns leave.

    Args:
        prefix: What stands before it.
        style: Style of the text.
    """

    def __init__(self, prefix: str = "", style: str = "none") -> None:
        # rich shortens columns that may wrap before it shortens the others.
        super().__init__(f"{prefix}{{task.fields[state]}}", style=style, table_column=Column(no_wrap=False))

    def render(self, task: Task) -> Text:
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text
