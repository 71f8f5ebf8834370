"""Representations of images in one line, for notebooks: the usual ones list every pixel, label and name."""

from typing import Protocol


class _Images(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...


class _Set(Protocol):
    @property
    def images(self) -> _Images: ...


class _Described(Protocol):
    spec: str

    def describe(self) -> list[str]: ...


class ImagesRepr:
    """Shows images by their number and size."""

    def __repr__(self: _Images) -> str:
        return f"<{type(self).__name__}: {len(self)} of {'x'.join(map(str, self.shape))}>"


class SetRepr:
    """Shows one set of a data set by its images."""

    def __repr__(self: _Set) -> str:
        return f"<{type(self).__name__}: {self.images!r}>"


class DatasetRepr:
    """Shows a data set by its spec, and by the size and the sets of its description."""

    def __repr__(self: _Described) -> str:
        size = self.describe()[0].removeprefix("data: ")
        return f"<{type(self).__name__} {self.spec!r}: {size}>"
