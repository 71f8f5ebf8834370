"""Lessons in notebooks: their Markdown sources, and what makes and executes them."""
