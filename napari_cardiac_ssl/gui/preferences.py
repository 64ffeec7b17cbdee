"""What the user prefers: napari's Preferences since 0.9 (`configurations` in the manifest).

Older versions of napari know no plugin's preferences; then the defaults hold.
"""

from dataclasses import dataclass
from typing import Any

from napari_cardiac_ssl.geometry.orientation import Orientation, usual_orientation
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Stack

_PLUGIN = "napari-cardiac-ssl"


@dataclass(frozen=True)
class Preferences:
    """What can be preferred; the same names and defaults as in the manifest.

    Parameters
    ----------
    reader
        Who draws, as provenance says it; empty for the computer's user.
    usual_orientation
        Whether views are looked at as usual, or as their file stores them.
    show_planes
        Whether the long-axis planes are drawn on the slices when a study is opened.
    learn_while_drawing
        Whether confirming a slice starts training by itself.
    seconds
        How long a training takes.
    scheme
        Of exported masks.
    radiologist_mouse
        Whether the wheel goes through slices and the middle button drags the picture.
    linked_zoom
        Whether the pictures beside the main one have its scale.
    show_hint
        Whether the first steps are explained.
    remember_opened
        Whether the studies and projects that were opened last are offered again.
    """

    reader: str = ""
    usual_orientation: bool = True
    show_planes: bool = True
    learn_while_drawing: bool = True
    seconds: int = 15
    scheme: str = "ukbb"
    radiologist_mouse: bool = True
    linked_zoom: bool = False
    show_hint: bool = True
    remember_opened: bool = True


def preferences() -> Preferences:
    """Return what the user prefers now."""
    kept = _kept()
    if kept is None:
        return Preferences()
    names = Preferences.__dataclass_fields__
    return Preferences(**{name: getattr(kept, name) for name in names if hasattr(kept, name)})


def orientation_of(stack: Stack) -> Orientation:
    """Return how a stack is looked at: as usual, or as stored, as the user prefers."""
    return usual_orientation(stack) if preferences().usual_orientation else Orientation()


def prefer(**choices: Any) -> bool:
    """Keep choices; False where this napari cannot keep them."""
    kept = _kept()
    if kept is None:
        return False
    for name, value in choices.items():
        setattr(kept, name, value)
    return True


def preferred_session() -> Session:
    """Return a new session that keeps what is done, of the reader and as the user prefers."""
    preferred = preferences()
    session = Session(who=preferred.reader or None)
    session.persistence.keeps_by_itself = True
    session.training.learn_while_drawing = preferred.learn_while_drawing
    return session


def _kept() -> Any:
    """Return what napari keeps for us; None where it does not."""
    try:
        from napari.settings import get_plugin_settings  # noqa: PLC0415 - since napari 0.9
    except ImportError:
        return None
    try:
        return getattr(get_plugin_settings(_PLUGIN), "general", None)
    except KeyError:  # the plugin is disabled, or runs from a checkout that is not installed
        return None
