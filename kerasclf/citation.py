"""How to cite kerasclf: as text, in BibTeX, and as the file CITATION.cff, which `kerasclf cite --form cff` makes."""

from typing import Literal

import kerasclf

Form = Literal["text", "bibtex", "cff"]

_TITLE = "kerasclf: image-classification studies with Keras"
_AUTHORS = "The kerasclf authors"
_LICENSE = "Apache-2.0"

# No version: an archive such as Zenodo takes it from the tag of the release.
_CFF = f"""cff-version: 1.2.0
message: If you use kerasclf in your work, please cite it as below.
title: "{_TITLE}"
abstract: >-
  kerasclf answers questions about image classifiers with Keras. It runs the experiments, survives interruption, and
  reports which differences are statistically significant.
type: software
authors:
  - name: {_AUTHORS}
license: {_LICENSE}
keywords: [keras, tensorflow, image classification, reproducibility, data augmentation]
"""

_BIBTEX = """@software{{kerasclf,
  title   = {{{title}}},
  author  = {{{{{authors}}}}},
  version = {{{version}}},
  license = {{{license}}},
}}
"""


def cite(form: Form) -> str:
    """Returns the citation of the installed version.

    Args:
        form: `"text"`, `"bibtex"`, or `"cff"` for the contents of CITATION.cff.
    """
    if form == "cff":
        return _CFF
    version = kerasclf.__version__
    if form == "text":
        return f"{_AUTHORS}. {_TITLE}. Version {version}. License: {_LICENSE}.\n"
    return _BIBTEX.format(title=_TITLE.replace("Keras", "{Keras}"), authors=_AUTHORS, version=version, license=_LICENSE)
