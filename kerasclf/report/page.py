"""Writes a report: one page that needs nothing else, its table as CSV, its figures as PNG."""

import base64
import json
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from kerasclf.files import write_text
from kerasclf.report.figures import draw_bars, draw_confusion, draw_curves
from kerasclf.report.results import ExperimentResults, StudyResults
from kerasclf.report.summary import summarise
from kerasclf.studies.catalogue import STUDIES
from kerasclf.studies.environment import hardware_in_words
from kerasclf.studies.metrics import class_figures
from kerasclf.values import Value

# An experiment is known by these, whatever their defaults are.
_ALWAYS_SHOWN = (
    "data",
    "model",
    "train.epochs",
    "train.batch_size",
    "train.optimizer",
    "train.learning_rate",
    "train.schedule.name",
    "split.method",
    "split.validation",
)


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
        details=[_details(e, out) for e in results.experiments],
        run=results.first_run,
        hardware=hardware_in_words(results.first_run.environment),
        command=command_of(results),
    )
    write_text(out / "index.html", page)
    return out / "index.html"


def command_of(results: StudyResults) -> str:
    """Returns the command line that makes this study again, or the empty string where none does."""
    study, first = results.study, results.experiments[0].experiment
    seeds = sorted(study["seeds"])
    if study["name"] not in STUDIES or seeds != list(range(seeds[0], seeds[0] + len(seeds))):
        return ""
    options = {
        "--data": first.data,
        "--protocol": study["protocol"],
        "--train-per-class": first.split.train_per_class,
        "--test-per-class": first.split.test_per_class,
        "--image-size": first.image_size and "x".join(map(str, first.image_size)),
        "--repeats": len(seeds) if len(seeds) > 1 else None,
        "--seed": seeds[0] or None,
    }
    given = [word for flag, value in options.items() if value is not None for word in (flag, str(value))]
    return shlex.join(["kerasclf", "study", study["name"], *given, *(["--quick"] if study["quick"] else [])])


def settings_of(value: Value, prefix: str = "") -> dict[str, str]:
    """Returns the settings that say what an experiment is, or differ from their defaults, by dotted name."""
    unchanged = type(value)()
    found: dict[str, str] = {}
    for name, plain in value.to_dict().items():
        mine, default = getattr(value, name), getattr(unchanged, name)
        if isinstance(mine, Value):
            if default is None:
                found[f"{prefix}{name}"] = json.dumps(plain)
            else:
                found |= settings_of(mine, f"{prefix}{name}.")
        elif mine != default or f"{prefix}{name}" in _ALWAYS_SHOWN:
            found[f"{prefix}{name}"] = f"{mine:.6g}" if isinstance(mine, float) else json.dumps(plain)
    return found


def _details(experiment: ExperimentResults, out: Path) -> dict[str, Any]:
    figures = class_figures(*experiment.pooled)
    return {
        "name": experiment.name,
        "classes": list(zip(experiment.runs[0].class_names, *figures, strict=True)),
        "confusion": _save(draw_confusion(experiment), out / f"confusion_{experiment.name}.png"),
        "settings": settings_of(experiment.experiment),
        "runs": [(run.seed, run.metrics) for run in experiment.runs],
    }


def _save(figure: Figure, path: Path) -> str:
    """Saves a figure as PNG and returns it as a data URL."""
    figure.savefig(path, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
