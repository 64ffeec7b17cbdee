"""The project file: SQLite, every change a transaction."""

from napari_cardiac_ssl.project.lock import LockedError
from napari_cardiac_ssl.project.places import ENDING, home, is_project
from napari_cardiac_ssl.project.project import Project
from napari_cardiac_ssl.project.rows import KeptStack

__all__ = ["ENDING", "KeptStack", "LockedError", "Project", "home", "is_project"]
