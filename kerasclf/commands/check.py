"""`kerasclf check`: what is wrong with a set of images, before a network is trained on it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.commands.options.parsing import parse_size
from kerasclf.commands.printing.image_progress import tracked
from kerasclf.commands.printing.output import folder_name, log_to, say, say_wrapped, with_flags
from kerasclf.commands.show_augmentation import augmentation_of
from kerasclf.errors import FindingsError, FolderError, Problems
from kerasclf.files.new_folder import already_exists, check_new_folder, check_replaceable, new_folder
from kerasclf.quiet import quiet_tensorflow
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.audit.audit import Audit
    from kerasclf.audit.pooled_images import PooledImages
    from kerasclf.pipeline import Augmentation
    from kerasclf.report.audit_page import Preview
    from kerasclf.runs.experiment import Experiment

# The network of `kerasclf train`.
_NETWORK = "keras_resnet50"
# Random versions of an image on the page.
_VERSIONS = 4


@dataclass(frozen=True)
class CheckCommand:
    """Look for duplicates, leaks and label errors before you train.

    The page shows equal images and near-duplicates within and across sets, probable label errors, odd images, and
    facts of the files that give the class away. findings.csv lists the findings. clean.csv lists the images without
    them: kerasclf train --data csv:OUT/clean.csv. Its paths are relative, so move it together with the images. The sets
    are those that kerasclf train uses. The exit code is 0 if no finding matters, and 1 if one does: broken files, the
    same picture in several sets or with several labels, probable label errors, and groups in several sets. It is 2 if
    the input cannot be used.

    Examples:
      kerasclf check folder:my_photos
      kerasclf check folder:my_photos --backbone mobilenet_v2 --out runs/check
      kerasclf check folder:my_photos --group-by 'patient_([0-9]+)' --price
      kerasclf check folder:my_photos --augment horizontal_flip=True rotation_range=15
    """

    FLAGS: ClassVar[dict[str, str]] = {"model": "--backbone", "input_shape": "--image-size", "group": "--group-by"}
    INTERRUPTED: ClassVar[str] = "The page appears only when it is complete. Repeat the command to start again."

    data: Annotated[str, tyro.conf.Positional]
    """folder:PATH with one folder per class, cifar10, or another data set; see kerasclf study --help."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """A new folder for the page and the lists. Default: runs/check-DATA-NETWORK."""
    overwrite: bool = False
    """Replace the results of an earlier check in --out. A folder with other files is refused."""
    backbone: str | None = None
    """A pretrained network whose features find label errors and more near-duplicates; kerasclf models lists them.
    Default: none, which compares pixels; with --weights, keras_resnet50."""
    weights: str | None = None
    """imagenet (downloaded once), or a file of weights. Default: imagenet."""
    group_by: Annotated[str | None, tyro.conf.arg(metavar="PATTERN")] = None
    """A regular expression that finds the group of an image in its path, such as 'patient_([0-9]+)'. Images of a group
    belong into one set."""
    image_size: str | None = None
    """HEIGHTxWIDTH in pixels. Default: the size of the images, at most 224x224."""
    fit: Literal["squash", "crop", "pad"] = "squash"
    """How an image of another shape fills the size, as for kerasclf train."""
    price: bool = False
    """Also fit a logistic regression on the features twice, with and without the findings, and say how they change its
    test accuracy, with a 95 % interval."""
    augment: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE")] = ()
    """Also show random versions of images, such as rotation_range=15 horizontal_flip=True."""

    def run(self, console: Console) -> None:
        experiment, augmentation = self._check()
        if experiment is not None or augmentation is not None:
            quiet_tensorflow()
        from kerasclf.audit.audit import audit_images
        from kerasclf.audit.audit_files import AUDIT_FILES
        from kerasclf.audit.load_images import load_images

        log = log_to(console)
        loaded = load_images(self.data, parse_size(self.image_size), log, self.group_by, self.fit)
        images = loaded.images
        for line in images.dataset.describe():
            say(console, line)
        if experiment is not None:
            experiment = experiment.but(image_size=images.dataset.image_shape[:2] if images.files else None)
        audit = audit_images(
            images, experiment, loaded.broken, log=log, track=partial(tracked, console), with_price=self.price
        )
        out = self._out()
        with new_folder(out, AUDIT_FILES if self.overwrite else ()) as folder:
            has_clean = self._write(audit, augmentation, folder)
        _show(audit, self, console)
        say(console, f"page: {out / 'index.html'}")
        if has_clean:
            kept = len(images) - len(audit.left_out)
            say(console, f"clean list: {out / 'clean.csv'}, {kept:,} of {len(images):,} images")
        if audit.matters:
            found = [finding.kind for finding in audit.findings if finding.matters]
            count = f"{counted(len(found), 'finding')} of {counted(len(set(found)), 'kind')}"
            verb = "matters" if len(found) == 1 else "matter"
            raise FindingsError(f"{count} {verb}. {out / 'findings.csv'} lists {'it' if len(found) == 1 else 'them'}.")

    def _write(self, audit: "Audit", augmentation: "Augmentation | None", folder: Path) -> bool:
        """Writes all files, and returns whether clean.csv is one of them."""
        from kerasclf.audit.audit_files import CLEAN, FINDINGS, write_clean, write_findings
        from kerasclf.report.audit_page import write_audit_page

        write_findings(audit, folder / FINDINGS)
        has_clean = write_clean(audit, folder / CLEAN, self._out())
        preview = () if augmentation is None else _preview(augmentation, audit.images)
        write_audit_page(audit, folder, self._out(), preview)
        return has_clean

    def _check(self) -> "tuple[Experiment | None, Augmentation | None]":
        """Checks everything that needs neither images nor TensorFlow.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.audit.load_images import check_auditable
        from kerasclf.data.spec_paths import check_outside
        from kerasclf.runs.planning.early_checks import check_early

        problems, experiment, augmentation = Problems(), None, None
        with problems.collect():
            check_auditable(self.data, self.group_by)
            check_outside(self._out(), self.data)
        with problems.collect():
            self._check_out()
        with problems.collect():
            parse_size(self.image_size)
            experiment = self._experiment()
            check_early({} if experiment is None else {"head": experiment})
        with problems.collect():
            if self.augment:
                augmentation = augmentation_of(self.augment, "--augment")
                augmentation.check_random()
        problems.raise_all("kerasclf check cannot run")
        return experiment, augmentation

    def _experiment(self) -> "Experiment | None":
        """Returns the training of a new head that names the network; None to compare pixels."""
        from kerasclf.runs.experiment import Experiment
        from kerasclf.training import TrainConfig
        from kerasclf.transfer import Transfer

        if self.backbone is None and self.weights is None:
            return None
        transfer = Transfer(weights=self.weights or "imagenet")
        train = TrainConfig(epochs=1, unfreeze="head")
        size = parse_size(self.image_size)
        return Experiment(
            data=self.data,
            model=self.backbone or _NETWORK,
            transfer=transfer,
            train=train,
            image_size=size,
            fit=self.fit,
        )

    def _out(self) -> Path:
        return self.out or Path("runs") / folder_name("check", self.data, self.backbone or "pixels")

    def _check_out(self) -> None:
        """Checks that nothing but an earlier check is replaced."""
        from kerasclf.audit.audit_files import AUDIT_FILES, FINDINGS

        out = self._out()
        if (out / FINDINGS).is_file():
            if not self.overwrite:
                raise FolderError(already_exists(out, "or `overwrite`"))
            check_replaceable(out, AUDIT_FILES, "out")
            return
        check_new_folder(out, "out")


def _preview(augmentation: "Augmentation", images: "PooledImages") -> "Preview":
    """Returns the first training image of some classes, each with random versions of it."""
    import numpy as np

    from kerasclf.commands.show_augmentation import first_of_classes
    from kerasclf.pipeline.preview import random_versions

    train = images.dataset.train
    indices = first_of_classes(train)
    names = [images.dataset.class_names[label] for label in train.labels[indices]]
    pixels = np.asarray(train.images.read(np.asarray(indices)), np.uint8)
    versions, changes = random_versions(augmentation, pixels, indices, _VERSIONS, seed=0)
    return [
        list(zip([name, *of_image], [original, *changed], strict=True))
        for name, of_image, original, changed in zip(names, changes, pixels, versions, strict=True)
    ]


def _show(audit: "Audit", command: CheckCommand, console: Console) -> None:
    """Prints the number of findings of each kind, and the cautions."""
    from kerasclf.audit.findings_list import KINDS
    from kerasclf.report.audit_page import audit_cautions

    table = Table(title="Findings", title_justify="left")
    table.add_column("kind")
    table.add_column("number", justify="right")
    table.add_column("matters")
    for name, kind in KINDS.items():
        if found := audit.of_kind(name):
            table.add_row(kind.title, f"{len(found):,}", "yes" if kind.matters else "no")
    console.print()
    if audit.findings:
        console.print(table)
    else:
        say(console, "No findings.")
    if audit.price is not None:
        say_wrapped(console, audit.price.sentence)
    for caution in audit_cautions(audit):
        say_wrapped(console, with_flags(caution, command), "caution: ", "  ")
