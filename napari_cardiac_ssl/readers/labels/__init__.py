"""Labels in: masks, segmentations and contours, one format a file, all in `registry`."""
