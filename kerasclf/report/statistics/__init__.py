"""The statistics of reports: intervals, scores, random effects and looks. They know numbers alone, no study."""
