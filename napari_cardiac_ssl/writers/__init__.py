"""Files out: masks with the geometry of their input, tables."""
