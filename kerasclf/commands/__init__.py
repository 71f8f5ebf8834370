"""The subcommands of `kerasclf`, one per file. They parse options, call the library and print."""
