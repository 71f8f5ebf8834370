"""The records of a run in its folder: what experiment.json and environment.json hold."""

from typing import Any, NotRequired, TypedDict


class SetSizes(TypedDict):
    """Number of images in each set."""

    train: int
    validation: int
    test: int


class DataRecord(TypedDict):
    """The data of a run."""

    title: str
    known_as: NotRequired[str | None]
    manifest: str
    images: SetSizes
    image_shape: list[int]
    new_images: NotRequired[SetSizes]
    leaked_test_images: NotRequired[list[int]]
    test_groups: NotRequired[list[int]]
    validation_groups: NotRequired[list[int]]


class RunDescription(TypedDict):
    """The contents of experiment.json."""

    experiment: dict[str, Any]
    seed: int
    data: DataRecord
    class_names: list[str]
    finished: str
    view: NotRequired[dict[str, Any]]
    weights: NotRequired[str | None]
    shared: NotRequired[dict[str, Any]]
    files: dict[str, str]


class RunEnvironment(TypedDict):
    """The contents of environment.json."""

    python: str
    system: str
    packages: dict[str, str]
    processor: str
    cores: int
    gpus: list[str]
    onednn: NotRequired[bool]
    deterministic_ops: NotRequired[bool]
