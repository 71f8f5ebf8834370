"""`kerasclf cite`: the citation for a paper or a report."""

from dataclasses import dataclass

from rich.console import Console

from kerasclf.citation import Form, cite
from kerasclf.commands.printing.output import print_text


@dataclass(frozen=True)
class CiteCommand:
    """Print how to cite this version of kerasclf, as text and in BibTeX.

    Examples:
      kerasclf cite
      kerasclf cite --form bibtex >> references.bib
    """

    form: Form | None = None
    """Print one form alone: text, bibtex, or cff, which is the file CITATION.cff. Default: text and bibtex."""

    def run(self, console: Console) -> None:
        text = cite(self.form) if self.form else f"{cite('text')}\n{cite('bibtex')}"
        print_text(text.removesuffix("\n"))
