"""From image files to pixels: decoding, resizing, checks for damage, and the store of prepared images."""
