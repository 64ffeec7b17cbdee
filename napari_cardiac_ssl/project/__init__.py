"""The project file: SQLite, every change a transaction."""

from napari_cardiac_ssl.project.faults import (
    DamagedError,
    LockedError,
    NotWritableError,
)
from napari_cardiac_ssl.project.last_opened import (
    forget_opened,
    last_opened,
    note_opened,
    place_of,
)
from napari_cardiac_ssl.project.places import (
    ENDING,
    automatic_path,
    home,
    is_project,
    named_path,
    note_named,
)
from napari_cardiac_ssl.project.project import Kind, Project
from napari_cardiac_ssl.project.rows import KeptStack
from napari_cardiac_ssl.project.stand_in import StandIn

__all__ = [
    "ENDING",
    "DamagedError",
    "KeptStack",
    "Kind",
    "LockedError",
    "NotWritableError",
    "Project",
    "StandIn",
    "automatic_path",
    "forget_opened",
    "home",
    "is_project",
    "last_opened",
    "named_path",
    "note_named",
    "note_opened",
    "place_of",
]
