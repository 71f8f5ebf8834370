"""The subcommands of `kerasclf`, one per file, with helpers that bear the name of their command."""
