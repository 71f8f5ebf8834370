"""The options of the commands: their fields, groups, checks and help."""
