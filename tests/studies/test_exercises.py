"""The twelve exercises of the course."""

from kerasclf.studies import STUDIES
from kerasclf.studies.exercises import EXERCISES


def test_twelve_exercises_use_every_study_of_the_course():
    assert [exercise.number for exercise in EXERCISES] == list(range(1, 13))
    assert list(dict.fromkeys(e.study for e in EXERCISES)) == [name for name in STUDIES if name.startswith("course-")]
    assert EXERCISES[9].page == "10-visualization.html"


def test_their_texts_are_sentences():
    for exercise in EXERCISES:
        assert len(exercise.look) == 2
        assert all(text.endswith(".") for text in exercise.look)
        assert not exercise.question or exercise.question.endswith("?")
