"""The pages of the reference that are made from the code: commands, catalogue and Python names."""

import functools
import html
import inspect

from kerasclf.cli import COMMANDS
from kerasclf.commands.options import help_page as help_text
from kerasclf.commands.options.option_fields import Option, options_of
from kerasclf.networks.network_list import read_list
from kerasclf.search.search_catalogue import SEARCHES
from kerasclf.studies import STUDIES, declare

# The pages of the Python reference: title, introduction and names.
API = {
    "studies": ("Studies", "A question, its experiments, and the folder of its answer.", """
        kerasclf.Experiment kerasclf.Study kerasclf.studies.Published
        kerasclf.run_study kerasclf.FinishedStudy
        kerasclf.studies.declare
        kerasclf.runs.engines.Inline kerasclf.runs.engines.Processes"""),
    "data": ("Data", "Images, their labels and their three sets. Pixels are uint8, 0–255.", """
        kerasclf.ImageDataset kerasclf.load_dataset kerasclf.Split kerasclf.data.kfold
        kerasclf.Augmentation"""),
    "training": ("Training", "How a network trains, and which part of a pretrained one.", """
        kerasclf.TrainConfig kerasclf.training.EarlyStopping
        kerasclf.training.Schedule kerasclf.transfer.Transfer
        kerasclf.training.recipe.Recipe kerasclf.training.train.train"""),
    "models": ("Models", "Networks of the [catalogue](../catalogue.md), their tables and their weights.", """
        kerasclf.models.build kerasclf.models.explain kerasclf.models.totals kerasclf.models.draw
        kerasclf.models.attach_head kerasclf.models.load_torch_weights kerasclf.models.load_pretrained"""),
    "inference": ("Trained models", "What a trained model is for.", """
        kerasclf.load kerasclf.inference.trained_model.TrainedModel
        kerasclf.inference.calibration.fit_temperature kerasclf.inference.calibration.temper
        kerasclf.inference.calibration.choose_threshold
        kerasclf.inference.calibration.images_needed
        kerasclf.inference.calibration.conformal_sets kerasclf.inference.calibration.fewest_images
        kerasclf.inference.export.parity.compare"""),
    "search": ("Search", "Hyperparameter search.", """
        kerasclf.search.Space kerasclf.search.Float kerasclf.search.Int kerasclf.search.Choice
        kerasclf.search.Boolean kerasclf.search.Search kerasclf.search.Budget kerasclf.search.run_search
        kerasclf.search.hypermodel"""),
}  # fmt: skip


@functools.cache
def all_pages() -> dict[str, str]:
    """Returns the text of each page that is made from the code, by its path in the site."""
    pages = {f"reference/commands/{name}.md": command_page(name) for name in COMMANDS}
    pages |= {f"reference/api/{name}.md": api_page(*texts) for name, texts in API.items()}
    return pages | {"reference/catalogue.md": catalogue_page()}


def command_page(name: str) -> str:
    """Returns the page of a command: its description, examples and options.

    Args:
        name: Name of the command.
    """
    command = COMMANDS[name]
    options = {option.field: option for option in options_of(command)}
    *description, examples = help_text.paragraphs_of(command)
    lines = [f"# kerasclf {name}"]
    for paragraph in description:
        lines += ["", _escaped(" ".join(paragraph.split()))]
    examples = inspect.cleandoc("\n".join(examples.splitlines()[1:]))
    lines += ["", "## Usage", "", "```", help_text.usage_of(name, list(options.values())).removeprefix("usage: ")]
    lines += ["```", "", "## Examples", "", "```", examples, "```"]
    for group in help_text.groups_of(name, options):
        rows = [options[field] for field in (*group.often, *group.seldom) if field in options]
        if rows:
            lines += ["", f"## {group.title.capitalize()}", "", "| option | meaning |", "|---|---|"]
            lines += [_row(option) for option in rows]
    return "\n".join([*lines, ""])


def _row(option: Option) -> str:
    flags = ", ".join([*option.aliases, option.typed])
    value = "" if option.positional or option.kind is bool else f" {option.metavar}{' ...' * option.many}"
    text = _escaped(option.text + help_text.default_of(option))
    return f"| <code>{html.escape(flags + value).replace('|', '&#124;')}</code> | {text} |"


def _escaped(text: str) -> str:
    """Returns a text of the code as Markdown shows it, in one line."""
    return html.escape(" ".join(text.split()), quote=False).translate(
        {ord(sign): f"&#{ord(sign)};" for sign in "|*_[]`"}
    )


def catalogue_page() -> str:
    """Returns the page of all networks, studies and searches."""
    families, entries = read_list()
    lines = ["# The catalogue", "", "`kerasclf models NAME` explains a network layer by layer."]
    lines += [" Parameters are the trainable ones for the default input and number of classes.", "", "## Networks"]
    for family, sentence in families.items():
        lines += ["", f"### {family}", "", f"{_escaped(sentence)}.", ""]
        lines += ["| network | parameters | input | smallest image | ImageNet weights |", "|---|--:|---|---|---|"]
        for one in entries:
            if one.family == family:
                size, weights = "×".join(map(str, one.input_shape)), "yes" if one.imagenet else "–"
                lines.append(f"| `{one.name}` | {one.parameters:,} | {size} | {one.least}×{one.least} | {weights} |")
    lines += ["", "## Studies", "", "`kerasclf study NAME` runs one.", ""]
    lines += ["| study | question | experiments |", "|---|---|--:|"]
    for name in STUDIES:
        study = declare(name)
        lines.append(f"| `{name}` | {_escaped(study.question)} | {len(study.experiments)} |")
    lines += [
        "",
        "## Searches",
        "",
        "`kerasclf search NAME` runs one.",
        "",
        "| search | title | axes |",
        "|---|---|---|",
    ]
    for name, declared in SEARCHES.items():
        search = declared.make()
        lines.append(
            f"| `{name}` | {_escaped(search.title)} | {', '.join(f'`{axis}`' for axis in search.space.axes)} |"
        )
    return "\n".join([*lines, ""])


def api_page(title: str, introduction: str, names: str) -> str:
    """Returns a page of the Python reference: a directive of mkdocstrings for each name."""
    return "\n".join([f"# {title}", "", introduction, "", *(f"::: {name}\n" for name in names.split())])
