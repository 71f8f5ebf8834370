"""Runs the `kerasclf` command as `python -m kerasclf`."""

from kerasclf.cli import main

main()
