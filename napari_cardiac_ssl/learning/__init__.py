"""Everything that learns: torch, no napari."""
