"""Studies read in a thread of their own, while the window lives on."""

import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.types import FullLayerData
from napari.utils import progress
from napari.utils.notifications import show_info, show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_cardiac_ssl.anatomy import UKBB
from napari_cardiac_ssl.errors import InputError, InputWarning
from napari_cardiac_ssl.files import is_there
from napari_cardiac_ssl.gui.display import image_layer, labels_layer
from napari_cardiac_ssl.gui.schemes import SchemeNotToldError, said_in_window
from napari_cardiac_ssl.gui.studies import Studies, first_stack
from napari_cardiac_ssl.project import ENDING, KeptStack, NotWritableError, is_project
from napari_cardiac_ssl.readers.dicom_finding import is_dicom
from napari_cardiac_ssl.readers.nifti import ROUNDED, doubted, load_stack, read_mask, view_named
from napari_cardiac_ssl.readers.recognising import NIFTI_ENDINGS, can_read
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack, Study


@dataclass
class Opened:
    """What a path held.

    Parameters
    ----------
    path
        Where it was read from.
    study
        The images, if there are some.
    masks
        Labels, as napari takes them.
    said, warned
        What the user should know, a line each.
    stack
        Of the study, the one to work on; the first by default.
    """

    path: Path
    study: Study | None = None
    masks: list[FullLayerData] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    stack: Stack | None = None

    def tell(self) -> None:
        """Show what there is to say. In the window's thread."""
        for line in self.said:
            show_info(line)
        for line in self.warned:
            show_warning(line)

    def layers(self) -> list[FullLayerData]:
        """Return it as napari takes it: of a study the stack that is worked on first."""
        study = self.study
        images = [image_layer(first_stack(study), study)] if study is not None else []
        return [*images, *self.masks]


def read(path: Path) -> Opened:
    """Read a study, a stack or a mask. In any thread; what is wrong is told, not raised."""
    opened = Opened(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        try:
            if path.is_dir() or not path.name.lower().endswith(NIFTI_ENDINGS):
                opened.study = read_study(path)
            else:
                _read_nifti(opened)
        except InputError as error:
            opened.warned.append(str(error))
    doubts = (str(one.message) for one in caught if issubclass(one.category, InputWarning))
    opened.warned += dict.fromkeys(doubts)
    return opened


def read_kept(path: Path, kept: KeptStack) -> Opened:
    """Read the study at a path for the sake of one stack that a project knows."""
    opened = read(path)
    study = opened.study
    for stack in study.stacks if study is not None else ():
        if study is not None and stack.image.shape == kept.shape and stack.digest == kept.digest:
            opened.study, opened.stack = study.with_view(stack, kept.view)
            return opened
    if not opened.warned:
        opened.warned.append(f"{path} is not the image that was labelled as {kept.name}")
    opened.study = None
    return opened


def looks_like_mask(image: NDArray[Any]) -> bool:
    """Tell whether voxels are labels: whole numbers from 0 to 5, as far as scaling keeps them.

    Examples
    --------
    >>> import numpy as np
    >>> looks_like_mask(np.array([0, 3, 1])), looks_like_mask(np.array([0.5, 1.0]))
    (True, False)
    """
    if image.min() < -ROUNDED or image.max() > len(UKBB.structures) + ROUNDED:
        return False
    return image.dtype.kind in "iu" or bool((np.abs(image - np.round(image)) <= ROUNDED).all())


def _read_nifti(opened: Opened) -> None:
    stack = load_stack(opened.path)
    if looks_like_mask(stack.image):
        try:
            mask = read_mask(opened.path)
        except InputError as error:
            said = said_in_window(error, stack.name)
            if isinstance(said, SchemeNotToldError):
                opened.warned.append(str(said))
                opened.masks.append(_as_they_are(stack))
                return
            opened.warned.append(f"{said}; shown as an image")
        else:
            scheme = mask.scheme.name
            opened.said.append(f"{stack.name}: labels in the scheme '{scheme}', {mask.told_by}")
            name = f"{stack.name} ({scheme})"
            opened.masks.append(labels_layer(mask.labels, stack, name=name, scheme=mask.scheme))
            return
    doubted(stack, view_said=view_named(stack.name) is not None)
    opened.study = Study(stack.name, (stack,))


def _as_they_are(stack: Stack) -> FullLayerData:
    """Return labels in integers of which nobody has said yet what they mean."""
    integers = np.rint(np.asarray(stack.image, np.float64)).astype(np.uint8)
    data, meta, kind = labels_layer(integers, stack, name=f"{stack.name} (scheme not known)")
    return data, meta | {"metadata": {}}, kind


def is_ours(path: Path) -> bool:
    """Tell whether a path is a study, a stack, a mask or a project: something that `read` reads."""
    return (path.name.lower().endswith(ENDING) and not path.is_dir()) or can_read(path)


class Opening(QObject):
    """Reads in a thread of its own, and hands over in the window's.

    It goes with its parent: what is read when the window is closed is dropped.

    Parameters
    ----------
    studies
        Where studies go to.
    parent
        The window's widget.

    Attributes
    ----------
    ended
        ``(Opened)``: it was read and handed over, or told why not.
    """

    ended = Signal(object)
    _was_read = Signal(object)

    def __init__(self, studies: Studies, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self._studies = studies
        self._waiting: list[tuple[Path, Callable[[Path], Opened]]] = []
        self._is_first = True
        self._bar: progress[Any] | None = None
        self._was_read.connect(self._take)

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return bool(self._waiting)

    def open(self, *paths: Path, how: Callable[[Path], Opened] = read) -> None:
        """Read paths one after the other; the first study is worked on when it is there.

        Parameters
        ----------
        paths
            What to read.
        how
            What reads them, in a thread of its own.
        """
        projects = [path for path in paths if is_project(path)]
        if projects:
            self.open_project(projects[0])
        paths = tuple(path for path in paths if path not in projects)
        idle = not self._waiting
        self._waiting += [(path, how) for path in paths]
        if idle and paths:
            self._is_first = True
            self._start()

    def open_project(self, path: Path) -> None:
        """Go over to a project, and open the stack that was worked on last.

        If it cannot be written now, as where somebody else has it open, the user is asked whether
        to look at it only.
        """
        workspace = self._studies.workspace
        project = workspace.session.project
        if project.path == path.absolute() and not project.read_only:
            workspace.say(f"{path.name} is open here")
            return
        with workspace.reporting():
            workspace.view.take_strokes()
            workspace.view.hide()
            try:
                self._go_over_to(path)
            except InputError:
                if workspace.is_open:
                    workspace.show_labels()
                raise
            self._studies.clear()
            self.open_last()

    def open_last(self) -> None:
        """Open the stack of the project that was worked on last, if it has one."""
        stacks = self._studies.workspace.session.persistence.stacks
        if stacks:
            self.open_kept(stacks[0])

    def open_kept(self, kept: KeptStack) -> None:
        """Open a stack that the project knows; the user is asked where it is, if it was moved."""
        place = next(filter(is_there, kept.places), None)
        if place is None:
            where = f"not at {kept.places[0]} any more" if kept.places else "in a file"
            QMessageBox.information(
                self._parent, "Where is the image?", f"{kept.name} is {where}. Show where it is."
            )
            chosen, _ = QFileDialog.getOpenFileName(self._parent, f"Where is {kept.name}?")
            if not chosen:
                self._studies.workspace.say(f"{kept.name} was not found; its labels are safe")
                return
            place = Path(chosen)
            if is_dicom(place):  # one of many
                place = place.parent
        self.open(place, how=partial(read_kept, kept=kept))

    def _go_over_to(self, path: Path) -> None:
        session = self._studies.workspace.session
        try:
            session.open_project(path)
        except NotWritableError as error:
            answer = QMessageBox.question(
                self._parent, "Open the project to read only?", f"{error}\n\nLook at it meanwhile?"
            )
            if answer != QMessageBox.StandardButton.Yes:
                raise
            session.open_project(path, read_only=True)

    def _start(self) -> None:
        path, how = self._waiting[0]
        self._bar = progress(total=0, desc=f"Reading {path.name}")
        self._studies.workspace.say(f"reading {path.name}…")
        threading.Thread(target=self._run, args=(path, how), daemon=True, name="reading").start()

    def _run(self, path: Path, how: Callable[[Path], Opened]) -> None:
        opened = Opened(path, warned=[f"{path} could not be read; the terminal says more"])
        try:
            opened = how(path)
        finally:
            with suppress(RuntimeError):  # the window was closed meanwhile, this object with it
                self._was_read.emit(opened)

    def _add(self, mask: FullLayerData, opened: Opened) -> None:
        """Show a mask; drawing goes on where it was."""
        workspace = self._studies.workspace
        active = workspace.viewer.layers.selection.active
        layer = workspace.viewer.add_layer(Layer.create(*mask))
        if active is not None:
            workspace.viewer.layers.selection.active = active
        if workspace.is_open:
            try:
                workspace.labels_of(layer)
            except SchemeNotToldError:
                pass  # it was said when they were read
            except InputError as error:
                opened.warned.append(str(error))
            else:
                opened.said.append("Use takes them over")

    def _take(self, opened: Opened) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._waiting.pop(0)
        is_worked_on = opened.study is not None and self._is_first
        for mask in opened.masks:
            self._add(mask, opened)
        if opened.study is not None:
            self._studies.add(opened.study, work_on=is_worked_on, stack=opened.stack)
            self._is_first = False
        opened.tell()
        workspace = self._studies.workspace
        session, words = workspace.session, [*opened.warned, *opened.said]
        if not words:
            what = "is in the list of images" if opened.study is not None else "is read"
            words.append(f"{_called(opened.path)} {'is open' if is_worked_on else what}")
            if is_worked_on and workspace.is_open and workspace.hint:
                words[0] += f". {workspace.hint}"
        if opened.study is not None and session.study.other_phase is not None:
            words.append("ED and ES are files of one patient: numbers and reports are of both")
        workspace.say("; ".join(words))  # or "reading …" would stand for ever
        self.ended.emit(opened)
        if self._waiting:
            self._start()


def _called(path: Path) -> str:
    """Return what a user calls a path: many a study lies in a folder named ``dicom`` of its own."""
    return path.name if path.suffix else str(Path(*path.parts[-2:]))
