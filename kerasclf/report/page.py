"""Writes a report: one page that needs nothing else, its table as CSV, its figures as PNG."""

import base64
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from kerasclf.files import write_text
from kerasclf.report.figures import draw_bars, draw_confusion, draw_curves
from kerasclf.report.results import ExperimentResults, StudyResults
from kerasclf.report.summary import summarise
from kerasclf.studies.environment import hardware_in_words
from kerasclf.studies.metrics import class_figures
from kerasclf.values import Value


def write_report(results: StudyResults, out: Path | str) -> Path:
    """Writes index.html, summary.csv and the figures into a folder, replacing an earlier report.

    Returns:
        The path of the page.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    figures = {
        "bars": _save(draw_bars(results), out / "bars.png"),
        "curves": _save(draw_curves(results), out / "curves.png"),
        **{e.name: _save(draw_confusion(results, e), out / f"confusion_{e.name}.png") for e in results.experiments},
    }
    summary = summarise(results)
    write_text(out / "summary.csv", summary.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerasclf.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("page.html.j2").render(
        results=results,
        study=results.study,
        style=resources.files("kerasclf.report").joinpath("page.css").read_text(encoding="utf-8"),
        rows=summary.to_dict("records"),
        figures=figures,
        details=[_details(results, e) for e in results.experiments],
        run=results.first_run,
        hardware=hardware_in_words(results.first_run.environment),
        command=command_of(results),
    )
    write_text(out / "index.html", page)
    return out / "index.html"


def command_of(results: StudyResults) -> str:
    """Returns the command line that makes this study again."""
    study, first = results.study, results.experiments[0].experiment
    parts = ["kerasclf study", study["name"], "--data", first.data, "--protocol", study["protocol"]]
    for flag, value in (
        ("--train-per-class", first.split.train_per_class),
        ("--test-per-class", first.split.test_per_class),
        ("--image-size", first.image_size and "x".join(map(str, first.image_size))),
    ):
        if value is not None and not study["quick"]:
            parts += [flag, str(value)]
    if len(study["seeds"]) > 1:
        parts += ["--repeats", str(len(study["seeds"]))]
    if min(study["seeds"]) > 0:
        parts += ["--seed", str(min(study["seeds"]))]
    return " ".join([*parts, "--quick"] if study["quick"] else parts)


def settings_of(value: Value, prefix: str = "") -> dict[str, str]:
    """Returns the settings that differ from their defaults, by dotted name."""
    unchanged = type(value)()
    found: dict[str, str] = {}
    for name, plain in value.to_dict().items():
        mine = getattr(value, name)
        if isinstance(mine, Value):
            found |= settings_of(mine, f"{prefix}{name}.")
        elif mine != getattr(unchanged, name):
            found[f"{prefix}{name}"] = f"{mine:.6g}" if isinstance(mine, float) else json.dumps(plain)
    return found


def _details(results: StudyResults, experiment: ExperimentResults) -> dict[str, Any]:
    figures = class_figures(*experiment.pooled)
    return {
        "name": experiment.name,
        "classes": list(zip(results.class_names, *figures, strict=True)),
        "settings": settings_of(experiment.experiment),
        "runs": [(run.seed, run.metrics) for run in experiment.runs],
    }


def _save(figure: Figure, path: Path) -> str:
    """Saves a figure as PNG and returns it as a data URL."""
    figure.savefig(path, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
