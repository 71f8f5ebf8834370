"""The report of `kerasclf evaluate`: trained models on labelled images."""
