"""The project file: SQLite, every change a transaction."""

from napari_cardiac_ssl.project.lock import LockedError
from napari_cardiac_ssl.project.places import home
from napari_cardiac_ssl.project.project import Project
from napari_cardiac_ssl.project.rows import KeptStack

__all__ = ["KeptStack", "LockedError", "Project", "home"]
