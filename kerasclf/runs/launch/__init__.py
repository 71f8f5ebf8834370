"""The workers of `kerasclf launch`, which train one run together."""
