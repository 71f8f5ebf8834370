"""One search on several machines: a chief that hands out trials, and workers that run them."""
