"""Explains a network layer by layer: sizes, costs, receptive fields, drawings and visualizations."""
