"""The project file: SQLite, every change a transaction."""

from napari_cardiac_ssl.project.faults import (
    DamagedError,
    LockedError,
    NotWritableError,
)
from napari_cardiac_ssl.project.places import ENDING, home, is_project
from napari_cardiac_ssl.project.project import Project
from napari_cardiac_ssl.project.rows import KeptStack
from napari_cardiac_ssl.project.stand_in import StandIn

__all__ = [
    "ENDING",
    "DamagedError",
    "KeptStack",
    "LockedError",
    "NotWritableError",
    "Project",
    "StandIn",
    "home",
    "is_project",
]
