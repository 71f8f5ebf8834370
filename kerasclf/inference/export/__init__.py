"""Trained models in other forms, each proved to predict the same."""
