"""The mosaic: many slices at one look, each with its contours and its state."""
