"""The statistics of reports: intervals, tests and the number of runs they need. Needs no TensorFlow."""
