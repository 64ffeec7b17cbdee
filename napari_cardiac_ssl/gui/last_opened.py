"""The studies and projects that were opened last: noted, looked for, opened again.

Whether one is still there is asked in threads, one each: a network disk that does not answer keeps
its own thread waiting, and nobody else.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QMenu

from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.gui.preferences import preferences
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.project import (
    Project,
    forget_opened,
    home,
    last_opened,
    note_opened,
    place_of,
)
from napari_cardiac_ssl.study import Stack

#: Letters of an entry at most: the end of a path tells most.
_LETTERS = 44


class LastOpened(QObject):
    """What was opened last, for the lists that offer it.

    Parameters
    ----------
    workspace
        The window's.
    open_path
        Opens a path that is there.
    parent
        The window's widget.

    Attributes
    ----------
    paths
        The newest first; none where the user prefers that nothing is remembered.
    changed
        The list is another, or it is known by now what of it is gone.
    """

    changed = Signal()
    _looked = Signal(object, bool)

    def __init__(
        self, workspace: Workspace, open_path: Callable[[Path], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._open = open_path
        self.paths: tuple[Path, ...] = ()
        self._gone: set[Path] = set()
        self._looking: set[Path] = set()
        self._asked: Path | None = None  # to be opened as soon as it is known to be there
        self._looked.connect(self._on_looked)
        workspace.session.signals.stack_opened.connect(self._on_opened)
        workspace.session.signals.project_opened.connect(self._on_project)
        self.refresh()

    def refresh(self) -> None:
        """Read the list anew, and look whether what stands in it is there."""
        if not preferences().remember_opened:
            forget_opened()
        self.paths = last_opened()
        for path in self.paths:
            self._look_for(path)
        self.changed.emit()

    def is_gone(self, path: Path) -> bool:
        """Tell whether a path is known not to be there; one that does not answer is not."""
        return path in self._gone

    def open(self, path: Path) -> None:
        """Open a path once it is known to be there."""
        self._asked = path
        self._workspace.say(f"looking for {path}…")
        self._look_for(path)

    def forget(self) -> None:
        """Remember nothing of what was opened."""
        forget_opened()
        self.refresh()
        self._workspace.say("forgotten: no study or project is in the list any more")

    def _look_for(self, path: Path) -> None:
        if path not in self._looking:
            self._looking.add(path)
            threading.Thread(target=self._run, args=(path,), daemon=True, name="looking").start()

    def _run(self, path: Path) -> None:
        found = is_there(path)
        with suppress(RuntimeError):  # the window was closed meanwhile, this object with it
            self._looked.emit(path, found)

    def _on_looked(self, path: Path, found: bool) -> None:
        self._looking.discard(path)
        (self._gone.discard if found else self._gone.add)(path)
        self.changed.emit()
        if path == self._asked and not self._workspace.is_closed:
            self._asked = None
            if found:
                self._open(path)
            else:
                self._workspace.say(f"{path} is not there any more")

    def _on_opened(self, stack: Stack) -> None:
        session = self._workspace.session
        self._note(self._named_project() or place_of(session.study.of(stack)))

    def _on_project(self, project: Project) -> None:
        self._note(self._named_project())

    def _named_project(self) -> Path | None:
        """Return the open project, if somebody has named it: it stands for all that is in it."""
        path = self._workspace.session.project.path
        return path if path is not None and path.parent != home() else None

    def _note(self, path: Path | None) -> None:
        keeps = self._workspace.session.persistence.keeps_by_itself
        if path is None or not keeps or not preferences().remember_opened:
            return
        if self.paths[:1] != (path.absolute(),):
            note_opened(path)
            self.paths = last_opened()
            self.changed.emit()


class LastOpenedMenu(QMenu):
    """The same list as a menu.

    Parameters
    ----------
    last
        The window's.
    parent
        The menu that it is part of.
    """

    def __init__(self, last: LastOpened, parent: QMenu) -> None:
        super().__init__("Opened last", parent)
        self._last = last
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(last.refresh)
        last.changed.connect(self.fill)
        self.fill()

    def fill(self) -> None:
        """Show what is known now. An entry that stands there already stays: it may be open."""
        paths = list(self._last.paths)
        if [action.data() for action in self.actions()][: len(paths)] != paths or (
            len(self.actions()) != len(paths) + 2
        ):
            self.clear()
            for path in paths:
                action = self.addAction(shown(path).replace("&", "&&"))
                action.setData(path)
                action.setToolTip(str(path))
                action.triggered.connect(lambda _=False, path=path: self._last.open(path))
            self.addSeparator()
            self.addAction("Forget these", self._last.forget)
        for action, path in zip(self.actions(), paths, strict=False):
            action.setEnabled(not self._last.is_gone(path))
        self.menuAction().setEnabled(bool(paths))


def shown(path: Path) -> str:
    """Return the end of a path, as long as it fits in a list.

    Examples
    --------
    >>> shown(Path("/data/ward/p7/dicom"))
    '/data/ward/p7/dicom'
    >>> shown(Path("/archive/of/many/years") / ("examination " * 3).strip() / "dicom")
    '…/examination examination examination/dicom'
    """
    text = str(path)
    if len(text) <= _LETTERS:
        return text
    parts = list(path.parts)
    while len(parts) > 2 and len("/".join(parts)) > _LETTERS:
        parts.pop(0)
    text = f"…/{'/'.join(parts)}"
    return text if len(text) <= _LETTERS + 2 else f"…{text[-_LETTERS:]}"
