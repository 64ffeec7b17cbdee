"""Contour cardiac MR: label a few slices, let a pre-trained U-Net learn the rest."""

__version__ = "0.1.0"
