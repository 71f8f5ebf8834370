"""Parts that all pages of reports share: templates, themed figures, tables as CSV, and images inside a page."""

import base64
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from kerasclf.escaping import for_markdown, for_spreadsheet, markdown_block, markdown_code, visible
from kerasclf.files.csv_files import write_table
from kerasclf.report.difference_text import p_text, signed
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.figures.themes import figure_bytes, save_figure
from kerasclf.report.study_notes import caution, groups_note, shared_note, splits_note
from kerasclf.report.summary import published_text
from kerasclf.runs.metrics import class_metrics

# A function from the theme, and whether the figure is narrow, to a figure.
Draw = Callable[[str, bool], Figure]

_VARIANTS = (("dark", "dark", False), ("narrow_light", "light", True), ("narrow_dark", "dark", True))

# A longer table of classes shows only the worst classes and folds the others.
_MAX_LISTED_CLASSES = 40
_WORST_CLASSES = 20


def csv_of(table: pd.DataFrame) -> str:
    """Returns a table as CSV, in which no text is a formula of a spreadsheet."""
    text = io.StringIO()
    write_table(table.map(for_spreadsheet), text, digits=6)
    return text.getvalue()


def templates(escape: bool) -> jinja2.Environment:
    """Returns the environment of the report's templates; set `escape` for HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerasclf.report", "templates"),
        autoescape=escape,
        finalize=_for_html if escape else _for_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["visible"] = visible
    environment.filters["code"] = lambda text: Markup(markdown_code(text))
    environment.filters["block"] = lambda text: Markup(markdown_block(text))
    environment.filters["points"] = lambda share: signed(100 * share, 2)
    environment.filters["jpeg_url"] = lambda raw: data_url(raw, "jpeg")
    environment.filters["published_text"] = published_text
    environment.filters["p_text"] = p_text
    environment.filters |= {note.__name__: note for note in (caution, splits_note, groups_note, shared_note)}
    environment.tests["known"] = lambda value: value is not None and not math.isnan(value)
    return environment


def _for_html(value: Any) -> Any:
    """Makes control characters of a text visible. Jinja escapes it afterwards."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _for_markdown(value: Any) -> Any:
    """Escapes everything that a template writes, except text that a filter has made for Markdown."""
    return for_markdown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def by_class(experiment: ExperimentResults) -> dict[str, Any]:
    """Returns (name, precision, recall, F1, images) of each class; of many classes, the worst by F1 are shown."""
    columns = class_metrics(*experiment.pooled)
    rows = list(zip(experiment.runs[0].class_names, *columns, strict=True))
    if len(rows) <= _MAX_LISTED_CLASSES:
        return {"shown": rows, "folded": []}
    rows.sort(key=lambda row: row[3])
    return {"shown": rows[:_WORST_CLASSES], "folded": rows[_WORST_CLASSES:]}


def themed_figure(draw: Draw, path: Path) -> dict[str, str]:
    """Saves a figure in the light theme, and returns it as data URLs: in both themes, wide and narrow."""
    wide = save_figure(draw("light", False), path)["svg"]
    others = {name: figure_bytes(draw(theme, narrow), "svg") for name, theme, narrow in _VARIANTS}
    return {name: data_url(raw, "svg+xml") for name, raw in {"light": wide, **others}.items()}


def data_url(raw: bytes, kind: str) -> str:
    """Returns an image as a data URL of a kind such as png."""
    return f"data:image/{kind};base64," + base64.b64encode(raw).decode()
