"""S5 as declared."""

from kerasclf.studies import declare


def test_the_steps_have_their_flaws_only_under_the_published_protocol():
    sound, published = (declare("convnext", protocol).experiments for protocol in ("sound", "published"))
    assert not any(experiment.flaws for experiment in sound.values())
    assert {experiment.flaws for experiment in list(published.values())[:6]} == {("choose_on_test", "softmax_twice")}
    assert published["7_micro"].flaws == ("choose_on_test",)
    assert {dict(experiment.model_args)["published"] for experiment in published.values()} == {True}
    assert [dict(experiment.model_args)["step"] for experiment in sound.values()] == list(range(1, 8))
