"""`python -m kerasclf` is the `kerasclf` command."""

from kerasclf.cli import main

main()
