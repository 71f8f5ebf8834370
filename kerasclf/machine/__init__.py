"""This machine and its processes: cores, GPUs, the cluster it belongs to, and how work on it ends."""
