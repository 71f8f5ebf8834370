"""The options of the commands: fields, checks, and what they make. The help of a field stands below it."""
