"""Loads images and tables: specs, folders, file lists, CIFAR, MNIST, synthetic defaults; splits and checks."""

from kerasclf.data.dataset import ImageDataset, Subset
from kerasclf.data.default_data import DatasetChoice, default_dataset
from kerasclf.data.folds import kfold
from kerasclf.data.image_sources import ArrayImages, ArrayRows, FileImages, ImageSource
from kerasclf.data.specs import load_dataset
from kerasclf.data.splits import Split

__all__ = [
    "ArrayImages",
    "ArrayRows",
    "DatasetChoice",
    "FileImages",
    "ImageDataset",
    "ImageSource",
    "Split",
    "Subset",
    "default_dataset",
    "kfold",
    "load_dataset",
]
