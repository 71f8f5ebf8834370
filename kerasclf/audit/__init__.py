"""Finds what is wrong with a set of images before a network is trained on it."""
