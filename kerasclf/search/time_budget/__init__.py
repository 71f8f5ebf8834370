"""Training within a time budget: `kerasclf train --budget`."""
