"""The command lines that reproduce a study or a run."""

from dataclasses import replace

from kerasclf.report import read_results
from kerasclf.report.rerun_commands import command_of, command_of_run


def test_a_study_of_the_user_has_no_command(folder):
    assert command_of(read_results(folder.path)) == ""


def test_the_command_reproduces_the_study_or_a_run(folder):
    results = read_results(folder.path)
    declared = replace(results, study={**results.study, "name": "ladder"})
    assert command_of(declared) == "kerasclf study ladder --data shapes --protocol sound --repeats 2"
    first = declared.experiments[0]
    assert command_of_run(declared, first, 1) == (
        "kerasclf study ladder --data shapes --protocol sound --seed 1 --only first"
    )
    one = replace(declared, experiments=declared.experiments[:1])
    assert command_of(one) == "kerasclf study ladder --data shapes --protocol sound --repeats 2 --only first"
    small = replace(declared, study={**declared.study, "size": "reduced"})
    assert command_of(small).endswith("--repeats 2 --reduced")
    three_by_default = replace(results, study={**results.study, "name": "convnext", "seeds": [0]})
    assert command_of(three_by_default).endswith("--repeats 1")
    gaps = replace(declared, study={**declared.study, "seeds": [0, 5]})
    assert command_of(gaps) == ""
