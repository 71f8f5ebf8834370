"""The declared studies, one published study a file."""
