"""Labels out: masks, segmentations and contours, one format a file, all in `registry`."""
