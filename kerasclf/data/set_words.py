"""Words for the training, validation and test set in names of folders and in tables."""

import re

# In any case, and with "set", "data" or "images" behind them, such as "Train Set" or "test_data".
SET_FORMS = {
    "train": ("train", "training"),
    "validation": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}
_AFTER_SET = ("set", "data", "images")


def set_named(name: str) -> str | None:
    """Returns the set that a name stands for; None if it is no such name.

    Example:
        >>> set_named("Testing"), set_named("val_set"), set_named("cats")
        ('test', 'validation', None)
    """
    word = re.sub("[^a-z]", "", name.lower())
    forms = {word, *(word.removesuffix(ending) for ending in _AFTER_SET)}
    return next((subset for subset, names in SET_FORMS.items() if forms & set(names)), None)
