"""S4, exercises 1 to 3, as declared."""

from kerasclf.studies import declare
from kerasclf.studies.study_options import StudyOptions


def test_the_flaws_of_iris_are_those_of_the_course():
    published = declare("course-iris", "published").experiments
    assert published["as_published"].data == "iris:4"
    assert set(published["as_published"].flaws) == {"statistics_of_all", "softmax_twice"}
    assert published["corrected"] == declare("course-iris", options=StudyOptions(data="iris")).experiments["corrected"]
