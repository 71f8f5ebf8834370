"""The subcommands of `kerasclf`, one a file. They parse, call and print; the work is done elsewhere."""
