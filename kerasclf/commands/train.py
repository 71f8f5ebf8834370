"""`kerasclf train`: a pretrained network on your own images, or several compared."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console

from kerasclf.commands.options.train_options import TrainOptions
from kerasclf.commands.printing.output import RUNS_RESUME, folder_name, log_to, say
from kerasclf.commands.study_execution import run_and_report
from kerasclf.networks.network_source import label_of
from kerasclf.wording import in_words

if TYPE_CHECKING:
    from kerasclf.report.study_results import StudyResults
    from kerasclf.runs.engines.engine import Engine
    from kerasclf.runs.experiment import Experiment
    from kerasclf.studies.study import Study
    from kerasclf.studies.study_plan import StudyPlan


@dataclass(frozen=True)
class TrainCommand(TrainOptions):
    r"""Train a pretrained network on your images: a new head first, then the layers that --unfreeze names. Report it.

    The frozen layers are computed once per image and cached (kerasclf cache list). The model is saved in the run
    folder. It takes raw images, pixels 0-255, and loads with Keras alone. Several values of --backbone, --unfreeze or
    --learning-rate are compared, each with each, on the same images.

    Examples:
      kerasclf train my_photos --plan
      kerasclf train my_photos --budget 10min
      kerasclf train my_photos --backbone keras_resnet50 --unfreeze stage5
      kerasclf train my_photos --backbone keras_resnet50 mobilenet_v2 --repeats 3
      kerasclf train my_photos --class-weight balanced
      kerasclf train labels.csv --group-by 'patient_(\d+)' --repeats 3
      kerasclf train my_photos --backbone efficientnetv2_b0 --unfreeze head --repeats 3 --refit
      kerasclf train --continue runs/train-folder-my-photos-keras_resnet50
    """

    INTERRUPTED: ClassVar[str] = RUNS_RESUME

    def run(self, console: Console) -> None:
        if self.budget is not None:
            from kerasclf.commands.train_budget import run_within

            results, out = run_within(self, console)
            _say_model(results, out, console)
            return
        study = self._study()
        out = self.out or Path("runs") / self._folder_name(study)
        if self.find_rate:
            _propose_rate(next(iter(study.experiments.values())), out, console)
            return
        say(console, f"{self._described(study)} → {out}")
        self._run(study, out, console)

    def _run(self, study: "Study", out: Path, console: Console) -> None:
        """Runs the study, and trains its best experiment on all images if requested."""
        if not self.refit:
            results = run_and_report(self, study, out, console)
            if results is not None:
                _say_model(results, out, console)
            return
        from kerasclf.runs.progress import ConsoleProgress
        from kerasclf.studies.refit import read_refit, refit
        from kerasclf.studies.study_folder import StudyFolder

        def finish(planned: "StudyPlan", engine: "Engine") -> None:
            with ConsoleProgress(1, console) as progress:
                refit(planned, engine, progress)

        run_and_report(self, study, out, console, finish=finish)
        if self.plan:
            say(console, "      and one training of the best experiment on all images at the end")
        elif found := read_refit(StudyFolder(out)):
            say(console, f"final model: {out / found.model}, {found.experiment} trained on all {found.images:,} images")
            say(console, f"             {found.sentence}")

    def _study(self) -> "Study":
        """Returns the study of the experiments, after all checks that need neither images nor TensorFlow.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.data.specs import check_files
        from kerasclf.runs.planning.early_checks import check_early
        from kerasclf.studies.refit import check_refit
        from kerasclf.studies.study_options import StudyOptions
        from kerasclf.studies.training_study import training_study

        problems, options, study = self.problems(), StudyOptions(), None
        with problems.collect():
            options = self.study_options(None, None, None)
            options = options.but(limits=options.limits.but(image_size=None))
        with problems.collect():
            study = training_study(self.experiments(), options)
            check_early(study.experiments)
            if not self.spec:
                check_files(next(iter(study.experiments.values())).data)
            for name, experiment in study.experiments.items() if self.refit else ():
                check_refit(name, experiment)
        problems.raise_all("kerasclf train cannot run")
        assert study is not None
        return study

    def _described(self, study: "Study") -> str:
        """Returns what is trained on which images."""
        experiments = study.experiments.values()
        networks = in_words(list(dict.fromkeys(experiment.model for experiment in experiments)))
        trained = in_words(list(dict.fromkeys(experiment.train.unfreeze for experiment in experiments)))
        what = f"training {networks}" if self.continue_run is None else f"continuing {self.continue_run}"
        return f"{what} ({trained}) on {next(iter(experiments)).data}"

    def _folder_name(self, study: "Study") -> str:
        """Returns the name of the default folder, which does not depend on how many values are compared."""
        if self.continue_run is not None:
            from kerasclf.studies.continued_run import find_run

            size = "" if study.size == "full" else f"-{study.size}"
            return f"{find_run(self.continue_run).study_path.name}-continued{size}"
        how = "networks" if len(self.backbone) > 1 else label_of(next(iter(study.experiments.values())).model)
        return folder_name("train", self.spec, how, study.size)


def _say_model(results: "StudyResults", out: Path, console: Console) -> None:
    """Says where the model of the chosen experiment is."""
    from kerasclf.studies.study_folder import StudyFolder

    chosen = results.chosen
    seed = chosen.runs[0].seed
    run = StudyFolder(out).run(chosen.name, chosen.experiment.on_split(seed, results.splits).identity, seed)
    say(console, f"model: {run.path / 'model.keras'}, which knows its classes")
    say(console, f"       predict other images: kerasclf predict {out} PATH --out predictions.csv")


def _propose_rate(experiment: "Experiment", out: Path, console: Console) -> None:
    from kerasclf.quiet import quiet_tensorflow

    quiet_tensorflow()
    from kerasclf.files.writing import write_bytes
    from kerasclf.report.figures.rate_curve_figure import draw_rate_curve
    from kerasclf.report.figures.themes import figure_bytes
    from kerasclf.runs.learning_rate import find_rate

    curve = find_rate(experiment, log_to(console))
    picture = out / "learning-rates.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(picture, figure_bytes(draw_rate_curve(curve), "png"))
    say(
        console,
        f"the loss falls fastest at a learning rate of {curve.proposed:.2g}: --learning-rate {curve.proposed:.2g}",
    )
    say(console, f"a tenth of the rate with the lowest loss: {curve.tenth_of_minimum:.2g}; the curve: {picture}")
