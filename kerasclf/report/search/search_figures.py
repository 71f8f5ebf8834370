"""The figures of the report of a search."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kerasclf.escaping import for_figure
from kerasclf.report.figures.themes import color_of, ink, paper, settings, soft
from kerasclf.report.search.search_importance import Importance, comparable, to_number
from kerasclf.search.search_progress import shown
from kerasclf.search.search_results import SearchResults
from kerasclf.search.spaces.space import Axis, Boolean, Choice
from kerasclf.search.trial import Trial

# More choices do not fit along an axis.
_MAX_NAMED = 12
_NARROW = 4.4  # inches; the text stays legible on a phone


def draw_history(results: SearchResults, theme: str = "light", narrow: bool = False) -> Figure:
    """Draws the objective of each trial in order, the best so far, and the trials that stopped early or failed."""
    with matplotlib.rc_context(settings(theme)):
        figure = Figure(figsize=(_NARROW if narrow else 9, 4))
        axes = figure.subplots()
        goal = results.search.goal
        whole = [t for t in results.trials if t.whole]
        partial = [t for t in results.trials if t.value is not None and not t.whole]
        if whole:
            axes.errorbar(
                [t.number for t in whole], _values(whole), [t.spread or 0.0 for t in whole],
                fmt="o", color=color_of(0, theme), markersize=5, linewidth=1, label="trained to the end",
            )  # fmt: skip
            best = np.maximum.accumulate if goal.direction == "max" else np.minimum.accumulate
            axes.step(
                [t.number for t in whole], best(_values(whole)),
                where="post", color=color_of(1, theme), linewidth=1.6, label="best so far",
            )  # fmt: skip
        if partial:
            axes.plot(
                [t.number for t in partial], _values(partial), "o",
                color=soft(theme), markerfacecolor="none", markersize=5, label="stopped early",
            )  # fmt: skip
        failed = [t.number for t in results.trials if t.status == "failed"]
        if failed:
            axes.plot(
                failed, [0.02] * len(failed), "x", color=color_of(1, theme), label="failed",
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial")
        axes.set_ylabel(_label(results))
        figure.legend(loc="outside lower center", ncols=2 if narrow else 4, frameon=False)
        return figure


def draw_parallel(results: SearchResults, theme: str = "light", narrow: bool = False) -> Figure:
    """Draws each trial as a line through its settings, coloured by the objective; the best trial is thick.

    A narrow figure is higher, and its names of settings are upright.
    """
    named = results.search.space.axes
    trials = sorted(comparable(results), key=lambda t: t.number)
    with matplotlib.rc_context({**settings(theme), "axes.grid": False}):
        figure = Figure(figsize=(_NARROW, 6.0) if narrow else (max(7.0, 1.7 * (len(named) + 1)), 4.6))
        axes = figure.subplots()
        scale, colors = _scale(results), _colormap(theme)
        columns = [_positions(axis, [t.values[name] for t in trials]) for name, axis in named.items()]
        columns.append(np.asarray(scale(_values(trials)), np.float64))
        for i, trial in enumerate(trials):
            best = trial == results.best
            axes.plot(
                range(len(columns)), [column[i] for column in columns], color=colors(columns[-1][i]),
                linewidth=3 if best else 1, alpha=1 if best else 0.6, zorder=3 if best else 2,
            )  # fmt: skip
        for position, axis in enumerate(named.values()):
            axes.axvline(position, color=soft(theme), linewidth=0.8, zorder=1)
            _name_ends(axes, position, axis, theme)
        axes.axvline(len(named), color=soft(theme), linewidth=0.8, zorder=1)
        axes.set_xticks(
            range(len(columns)),
            [_wrapped(name) for name in (*named, results.search.objective)],
            rotation=90 if narrow else 0,
        )
        axes.set_yticks([])
        axes.set_ylim(-0.09, 1.09)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        figure.colorbar(ScalarMappable(scale, colors), ax=axes, label=results.search.objective, pad=0.02)
        return figure


def draw_importance(importance: Importance, theme: str = "light", narrow: bool = False) -> Figure:
    """Draws the permutation importance of each axis on held-out trials."""
    ranked = sorted(importance.drops.items(), key=lambda item: item[1][0])
    with matplotlib.rc_context(settings(theme)):
        figure = Figure(figsize=(_NARROW if narrow else 8, 1.2 + 0.42 * len(ranked)))
        axes = figure.subplots()
        color = color_of(0, theme) if importance.is_informative else soft(theme)
        axes.barh(
            range(len(ranked)), [drop for _, (drop, _) in ranked],
            xerr=[deviation for _, (_, deviation) in ranked], color=color, ecolor=ink(theme), height=0.6, capsize=3,
        )  # fmt: skip
        axes.set_yticks(range(len(ranked)), [for_figure(name) for name, _ in ranked])
        axes.axvline(0, color=ink(theme), linewidth=1)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("drop in R² on held-out trials\nwhen the setting is shuffled")
        return figure


def draw_slices(results: SearchResults, theme: str = "light", narrow: bool = False) -> Figure:
    """Draws the objective over each axis separately; later trials are darker, or lighter in the dark theme."""
    named, trials = results.search.space.axes, comparable(results)
    columns = 1 if narrow else min(3, len(named))
    rows = -(-len(named) // columns)
    with matplotlib.rc_context(settings(theme)):
        figure = Figure(figsize=(_NARROW if narrow else max(5.0, 3.4 * columns), 2.9 * rows))
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        order = Normalize(-len(results.trials) / 3, len(results.trials))
        for index, (name, axis) in enumerate(named.items()):
            axes = grid.flat[index]
            points = axes.scatter(
                [to_number(axis, t.values[name]) for t in trials], _values(trials),
                c=[t.number for t in trials], cmap="Blues_r" if theme == "dark" else "Blues", norm=order, s=28,
                edgecolors=ink(theme), linewidths=0.4,
            )  # fmt: skip
            points.set_zorder(3)
            _name_ticks(axes, axis)
            axes.set_xlabel(for_figure(name))
            if index % columns == 0:
                axes.set_ylabel(results.search.objective)
        for axes in grid.flat[len(named) :]:
            axes.set_visible(False)
        return figure


def _values(trials: Sequence[Trial]) -> NDArray[np.float64]:
    return np.array([trial.value for trial in trials], np.float64)


def _scale(results: SearchResults) -> Normalize:
    values = _values(comparable(results))
    low, high = float(values.min()), float(values.max())
    return Normalize(low, high if high > low else low + 1e-9)


def _colormap(theme: str) -> Colormap:
    return matplotlib.colormaps["cividis" if theme == "dark" else "cividis_r"]


def _positions(axis: Axis, values: list[object]) -> np.ndarray:
    """Returns the positions of values on an axis from 0 to 1."""
    low, high = _ends(axis)
    return (np.array([to_number(axis, value) for value in values], np.float64) - low) / (high - low)


def _ends(axis: Axis) -> tuple[float, float]:
    if isinstance(axis, Choice):
        return 0.0, float(len(axis.values) - 1)
    if isinstance(axis, Boolean):
        return 0.0, 1.0
    return to_number(axis, axis.low), to_number(axis, axis.high)


def _name_ends(axes: Axes, position: int, axis: Axis, theme: str) -> None:
    if isinstance(axis, Choice | Boolean):
        choices = axis.values if isinstance(axis, Choice) else (False, True)
        if len(choices) <= _MAX_NAMED:
            for i, choice in enumerate(choices):
                height = i / max(len(choices) - 1, 1)
                axes.annotate(
                    _label_of(choice), (position, height), (5, 0), textcoords="offset points", fontsize=8, va="center",
                    bbox={"facecolor": paper(theme), "edgecolor": "none", "pad": 1, "alpha": 0.8}, zorder=4,
                )  # fmt: skip
            return
        low, high = choices[0], choices[-1]
    else:
        low, high = axis.low, axis.high
    for value, height, va in ((low, -0.03, "top"), (high, 1.03, "bottom")):
        axes.annotate(_label_of(value), (position, height), fontsize=8, ha="center", va=va)


def _name_ticks(axes: Axes, axis: Axis) -> None:
    if isinstance(axis, Choice | Boolean):
        choices = axis.values if isinstance(axis, Choice) else (False, True)
        axes.set_xticks(range(len(choices)), [_label_of(choice) for choice in choices])
        axes.set_xlim(-0.5, len(choices) - 0.5)
    elif axis.log:
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda x, _: f"{10**x:.1g}")


def _label_of(value: object) -> str:
    return for_figure(shown(list(value)) if isinstance(value, tuple) else shown(value))


def _wrapped(name: str) -> str:
    return for_figure(name).replace(".", ".\n", 1)


def _label(results: SearchResults) -> str:
    runs = results.search.runs_per_trial
    return results.search.objective + (f"\n(mean ± standard deviation of {runs} runs)" if runs > 1 else "")
