"""The napari plugin: the only napari, Qt and magicgui."""
