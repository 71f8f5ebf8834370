"""The time, memory and disk that the remaining runs of a study need."""

from dataclasses import replace

from kerasclf.studies import study_plan as study_plan_module
from kerasclf.transfer import Transfer
from kerasclf.transfer.cache import MAKE_ROOM
from tests.studies.plans import COST, PHASE


def on_activations(cut, seconds, megabytes):
    """Returns a phase on activations that the cache lacks."""
    return replace(PHASE, unfreeze=cut, cache=cut, extraction_s=seconds, cache_mb=megabytes)


def test_it_adds_up(study_plan):
    assert COST.run_s == 70
    assert study_plan.seconds == 70  # two of them side by side
    assert replace(study_plan, width=1).seconds == 140
    assert study_plan.memory_mb == 1600
    assert study_plan.disk_mb == 8


def test_runs_of_one_trajectory_train_the_epochs_of_the_longest(study_plan):
    """Here the costs are those of 30 epochs; the runs are of 20 and 40."""
    short = replace(study_plan.jobs[0], trajectory="same")
    long = replace(short, title="sgd_40", path=short.path.with_name("seed-1"),
                   experiment=short.experiment.but(train=short.experiment.train.but(epochs=40)))  # fmt: skip
    plan = replace(study_plan, jobs=(short, long), width=1)
    assert (plan.epochs, plan.shared_epochs, plan.saved_s, plan.seconds) == (60, 20, 20 * 2, 140 - 40)
    side_by_side = replace(plan, width=2)
    assert (side_by_side.seconds, side_by_side.saved_s) == (70, 0)
    alone = replace(plan, jobs=(short, replace(long, trajectory="")))
    assert (alone.shared_epochs, alone.saved_s, alone.seconds) == (0, 0, 140)
    for epoch in (7, 8):  # a follower that has begun alone
        short.run.checkpoints.joinpath("phase-1").mkdir(parents=True, exist_ok=True)
        short.run.checkpoints.joinpath("phase-1", f"epoch-{epoch:05}.npz").touch()
    assert (plan.epochs, plan.shared_epochs) == (52, 12)


def test_memory_that_was_not_measured_counts_as_nothing(study_plan):
    assert replace(study_plan, plan=replace(study_plan.plan, peak_memory_mb=None)).memory_mb == 0


def test_runs_that_start_alike_share_one_pass(study_plan):
    alike = [replace(job, experiment=study_plan.jobs[0].experiment) for job in study_plan.jobs]
    costs = {
        "sgd_20": replace(COST, phases=(on_activations("head", 100, 8),)),
        "adam_20": replace(COST, phases=(on_activations("head", 100, 8), on_activations("stage5", 90, 800))),
    }
    shared = replace(study_plan, jobs=tuple(alike), plan=replace(study_plan.plan, costs=costs))
    assert shared.extraction_s == 100
    assert shared.cache_mb == 808
    assert shared.seconds == 100 + 2 * 70  # the longer run, beside which the other one ends
    assert replace(shared, width=1).seconds == 100 + 70 + 2 * 70


def test_each_network_has_a_pass_of_its_own(study_plan):
    first, second = study_plan.jobs
    other = replace(second, experiment=first.experiment.but(model="basenet_deeper"))
    costs = {
        "sgd_20": replace(COST, phases=(on_activations("head", 100, 8),)),
        "adam_20": replace(COST, phases=(on_activations("its head", 100, 8),)),
    }
    apart = replace(study_plan, jobs=(first, other), plan=replace(study_plan.plan, costs=costs))
    assert (apart.extraction_s, apart.cache_mb) == (200, 16)


def test_random_weights_are_computed_with_each_seed(study_plan):
    job = study_plan.jobs[0]
    costs = {"sgd_20": replace(COST, phases=(on_activations("head", 100, 8),))}

    def plan_with(weights):
        experiment = job.experiment.but(transfer=Transfer(weights))
        jobs = tuple(replace(job, experiment=experiment, seed=seed) for seed in (0, 1))
        return replace(study_plan, jobs=jobs, plan=replace(study_plan.plan, costs=costs))

    assert (plan_with("none").extraction_s, plan_with("none").cache_mb) == (200, 16)
    assert (plan_with("imagenet").extraction_s, plan_with("imagenet").cache_mb) == (100, 8)


def test_finished_epochs_are_not_counted_again(study_plan):
    kept = study_plan.jobs[0].run.checkpoints / "phase-1"
    kept.mkdir(parents=True)
    (kept / "epoch-00009.npz").touch()
    (kept / "epoch-00010.npz").touch()
    assert replace(study_plan, width=1).seconds == 120
    assert study_plan.seconds == 70  # the other run


def test_it_warns_of_too_little_memory(study_plan, monkeypatch):
    monkeypatch.setattr(study_plan_module, "free_memory_mb", lambda: 700.0)
    assert study_plan.warnings() == ["2 runs side by side need about 1.6 GB of memory. Free: 700 MB. Reduce `jobs`."]
    assert replace(study_plan, width=1).warnings() == [
        "A run needs about 800 MB of memory. Free: 700 MB. Reduce the batch size."
    ]


def test_it_warns_of_too_little_disk_space(study_plan):
    phase = on_activations("head", 100, 1e12)
    costs = dict.fromkeys(study_plan.plan.costs, replace(COST, phases=(phase,), disk_mb=1e12))
    huge = replace(study_plan, plan=replace(study_plan.plan, peak_memory_mb=None, costs=costs))
    runs, cache = huge.warnings()
    assert runs.startswith("The runs need about 2,000,000 TB of disk space. Free: ")
    assert cache.startswith("The cached activations need about 1,000,000 TB of disk space. Free: ")
    assert cache.endswith(MAKE_ROOM)
