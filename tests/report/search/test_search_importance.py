"""The importance of the settings of a search."""

import numpy as np

from kerasclf.report.search.search_importance import MIN_TRIALS, importance_of
from kerasclf.search import Budget, Search, Space, run_search
from tests.search.fake import BASE, SPACE, FakeEngine


def with_trials(results, trials):
    return type(results)(results.folder, results.search, tuple(trials))


def test_the_setting_that_matters_is_found(tmp_path):
    results = run_search(Search(BASE, Space(SPACE)), tmp_path / "out", Budget(40), engine=FakeEngine())
    importance = importance_of(results)
    assert importance.is_informative
    rate, batch = (importance.drops[name][0] for name in ("train.learning_rate", "train.batch_size"))
    assert rate > 3 * batch > 0
    rng = np.random.default_rng(0)
    noise = with_trials(results, (trial.but(value=float(rng.normal())) for trial in results.trials))
    assert not importance_of(noise).is_informative
    assert importance_of(with_trials(results, results.trials[: MIN_TRIALS - 1])) is None
