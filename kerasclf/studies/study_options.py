"""A study with other repeats, fewer images or fewer epochs."""

from dataclasses import replace

from kerasclf.errors import KerasclfError
from kerasclf.studies.reduction import Form, shortcomings
from kerasclf.studies.study import Study

# The form of seconds of a study that states none.
QUICK = Form(train_per_class=40, test_per_class=10, epochs=2)


def reduced(
    study: Study,
    *,
    repeats: int | None = None,
    seed: int = 0,
    quick: bool = False,
    small: bool = False,
    form: Form | None = None,
) -> Study:
    """Returns a study that is run so often, on so many images, for so long.

    Args:
        study: The study.
        repeats: Runs of each experiment; the study's own number where None, one in the quick form.
        seed: The first run's seed; the others count on from it.
        quick: The form of seconds, where nothing else is asked for.
        small: The study's stated form for a CPU, where nothing else is asked for.
        form: What is asked for.

    Raises:
        KerasclfError: No repeat or no epoch is asked for, or a form that the study does not state.
    """
    if repeats is None:
        repeats = 1 if quick else len(study.seeds)
    if repeats < 1 or seed < 0:
        raise KerasclfError(f"Expected at least 1 repeat and a seed of at least 0. Received: {repeats} and {seed}.")
    asked = form or Form()
    if quick:
        asked = asked.over(study.quick_form or QUICK)
    elif small:
        asked = asked.over(_stated(study))
    kept = study.only(asked.only)
    made = {name: asked.of(experiment) for name, experiment in kept.items()}
    less = [line for name, experiment in kept.items() for line in shortcomings(experiment, made[name])]
    # An experiment that is called by its network is called by the one in its place.
    names = dict(asked.models)
    return replace(
        study,
        experiments={names.get(name, name): experiment for name, experiment in made.items()},
        published={names.get(name, name): figures for name, figures in study.published.items() if name in made},
        lessons={name: lesson for name, lesson in study.lessons.items() if name in made and lesson.corrected in made},
        seeds=tuple(range(seed, seed + repeats)),
        quick=quick,
        small=small and not quick,
        reduced=tuple(dict.fromkeys(less)),
    )


def _stated(study: Study) -> Form:
    if study.small_form is None:
        raise KerasclfError(
            f"The study {study.name} states no reduced form. Take --train-per-class, --epochs or --image-size."
        )
    return study.small_form
