"""Where images come from: specs, folders, file lists, CIFAR, MNIST, the drawn default; splits and checks."""

from kerasclf.data.dataset import ArrayImages, ArrayRows, FileImages, ImageDataset, ImageSource, Subset
from kerasclf.data.folds import kfold
from kerasclf.data.specs import Choice, default_dataset, load_dataset
from kerasclf.data.splits import Split

__all__ = [
    "ArrayImages",
    "ArrayRows",
    "Choice",
    "FileImages",
    "ImageDataset",
    "ImageSource",
    "Split",
    "Subset",
    "default_dataset",
    "kfold",
    "load_dataset",
]
