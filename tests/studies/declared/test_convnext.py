"""S5 as declared."""

from kerasclf.studies import declare


def test_the_steps_have_their_flaws_only_under_the_published_protocol():
    sound, published = (declare("convnext", protocol).experiments for protocol in ("sound", "published"))
    assert not any(experiment.flaws for experiment in list(sound.values())[:7])
    assert {experiment.flaws for experiment in list(published.values())[:6]} == {("choose_on_test", "softmax_twice")}
    assert published["7_micro"].flaws == ("choose_on_test",)
    assert {dict(experiment.model_args)["published"] for experiment in published.values()} == {True}
    assert [dict(experiment.model_args)["step"] for experiment in list(sound.values())[:7]] == list(range(1, 8))


def test_the_sound_protocol_separates_the_gain_of_step_7_from_its_flaw():
    study = declare("convnext")
    for step in ("1_base", "4_depthwise", "6_kernel7"):
        flawed = f"{step}_softmax_twice"
        assert study.experiments[flawed] == study.experiments[step].but(flaws=("softmax_twice",))
        assert (flawed, step) in study.compare
    assert {("7_micro", "6_kernel7"), ("7_micro", "6_kernel7_softmax_twice")} <= set(study.compare)
    assert len(declare("convnext", "published").experiments) == 7
