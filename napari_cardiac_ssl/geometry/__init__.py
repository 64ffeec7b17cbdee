"""Geometry of planes and positions: numpy only, millimetres."""
