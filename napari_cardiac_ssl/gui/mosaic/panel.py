"""The mosaic in the window: which slices it shows, and what is done from there."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from napari.layers import Image
from qtpy.QtCore import QPoint, QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox, QDockWidget, QSlider, QWidget

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.gui.display import contrast_limits
from napari_cardiac_ssl.gui.mosaic.grid import Grid, frames_grid, phases_grid
from napari_cardiac_ssl.gui.mosaic.heart import crop_of_heart
from napari_cardiac_ssl.gui.mosaic.pictures import Look
from napari_cardiac_ssl.gui.mosaic.tiles import Crop, steady, whole
from napari_cardiac_ssl.gui.mosaic.view import LEAST, MOST, MosaicView
from napari_cardiac_ssl.gui.panels.controls import column, describe, row
from napari_cardiac_ssl.gui.panels.overview import OverviewPanel
from napari_cardiac_ssl.gui.preferences import orientation_of
from napari_cardiac_ssl.gui.slice_legend import Legend
from napari_cardiac_ssl.gui.slice_map import MapContent
from napari_cardiac_ssl.gui.slice_menu import confirmable, slice_menu
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import SliceIndex

#: How long after labels have changed it is seen whether they still lie in the pictures, in ms.
_CROP_MS = 300
#: Which frames can be shown: every how many, 0 for ED and ES.
_FRAMES = (
    ("ED and ES", 0),
    ("All frames", 1),
    ("Every 2nd frame", 2),
    ("Every 3rd frame", 3),
    ("Every 5th frame", 5),
)
Slices = tuple[SliceIndex, ...]


class MosaicPanel(QWidget):
    """The slices of the open stack as pictures.

    Parameters
    ----------
    workspace
        The window's.
    overview
        Knows the slices' states, and which one is suggested.
    """

    def __init__(self, workspace: Workspace, overview: OverviewPanel) -> None:
        super().__init__()
        self._workspace = workspace
        self._overview = overview
        self._content = MapContent()
        self._crop: Crop | None = None
        self._cropped: tuple[object, int] | None = None  # whose labels it was chosen by
        self._image: Callable[[], Image | None] = lambda: None  # whose window is followed
        self._look: Look | None = None
        self._look_of: object = None  # the annotations that it shows
        self.tiles, self.legend = MosaicView(overview.describe), Legend()
        self.frames, self.size = QComboBox(), QSlider(Qt.Orientation.Horizontal)
        self.fit = QCheckBox("Fit")
        self._lay_out()
        self._crops = QTimer(self)
        self._crops.setSingleShot(True)
        self._crops.setInterval(_CROP_MS)
        self._crops.timeout.connect(self._follow_heart)
        self.frames.currentIndexChanged.connect(lambda _: self._follow())
        self.size.valueChanged.connect(self._on_size)
        self.fit.toggled.connect(self._on_fit)
        self.tiles.arranged.connect(self._on_arranged)
        self.tiles.chosen.connect(self._workspace.view.go_to)
        self.tiles.menu_asked.connect(self._on_menu)
        self.tiles.asked.connect(self._on_asked)
        self.tiles.side_asked.connect(self.size.setValue)
        self._workspace.session.signals.stack_opened.connect(self._on_opened)
        self._workspace.session.signals.study_changed.connect(self._on_study)
        overview.shown.connect(self._show)

    def _lay_out(self) -> None:
        for words, every in _FRAMES:
            self.frames.addItem(words, every)
        self.frames.setAccessibleName("Frames of the mosaic")
        describe(self.frames, "Which frames are shown: ED and ES, all, or every n-th.")
        self.size.setRange(LEAST, MOST)
        self.size.setPageStep(20)
        self.size.setMaximumWidth(160)
        self.size.setAccessibleName("Size of the pictures")
        describe(self.size, "Size of the pictures. Ctrl and the wheel change it, too.")
        self.fit.setChecked(True)
        self.fit.setAccessibleName("Fit the pictures")
        describe(self.fit, "Pictures as large as they can be with all of them in view.")
        head = row(self.frames, self.size, self.fit, self.legend)
        head.setSpacing(8)
        head.setStretch(3, 1)
        layout = column(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(self.tiles, 1)

    def height_at(self, width: int) -> int:
        """Return how high its dock should be at a width."""
        # What is round the tiles: the head, its dock's edge and title.
        round_them = self.sizeHint().height() - self.tiles.sizeHint().height() + 12
        return int(round_them) + self.tiles.height_at(width - 12)

    # -- following the session -------------------------------------------------------------

    def _on_opened(self, stack: Any) -> None:
        self._crop = None
        if stack.slices == 1 and not self.frames.currentData():
            self.frames.setCurrentIndex(1)

    def _on_study(self) -> None:
        self._cropped = None
        self._follow()

    def _show(self, content: MapContent) -> None:
        """Show what is known of the slices now."""
        self._content = content
        self._follow()

    def _follow(self) -> None:
        """Show what is there now; nothing while nobody sees it."""
        if not self.isVisible():
            return
        workspace = self._workspace
        if not workspace.is_open:
            self._crop, self._look = None, None
            self.tiles.show_look(None)
            self.tiles.show_grid(Grid())
            return
        self._watch_window()
        stack, annotations = workspace.session.stack, workspace.session.annotations
        if self._crop is None:
            self._crop = crop_of_heart(self._workspace.session)
        seen = (annotations, int(annotations.versions.sum()))
        if seen != self._cropped and not self._crops.isActive():
            self._crops.start()
        self.frames.setEnabled(stack.frames > 1)
        self._follow_look()
        self.tiles.show_grid(self._grid())
        self.tiles.show_content(self._content)
        self.legend.show_counts(self._content.counts, doubted=self._content.is_doubted)

    def _follow_look(self) -> None:
        """Have pictures made anew if they are to be looked at in another way."""
        stack, annotations = self._workspace.session.stack, self._workspace.session.annotations
        image = self._image()
        if image is not None:
            low, high = image.contrast_limits
        elif self._look is not None and self._look.stack is stack:
            low, high = self._look.limits
        else:
            low, high = contrast_limits(stack.image)
        limits, turn = (float(low), float(high)), orientation_of(stack)
        crop = self._crop or whole(stack.image.shape[2:])
        look = self._look
        if (
            look is None
            or self._look_of is not annotations
            or (look.stack, look.orientation, look.crop, look.limits) != (stack, turn, crop, limits)
        ):
            self._look_of = annotations
            self._look = Look(stack, annotations.labels, annotations.versions, turn, crop, limits)
            self.tiles.show_look(self._look)

    def _watch_window(self) -> None:
        """Follow the window of the image in the viewer."""
        image = self._workspace.image
        if image is self._image():
            return
        self.let_go()
        if image is not None:
            self._image = ref(image)
            image.events.contrast_limits.connect(self._on_window)

    def let_go(self) -> None:
        """Follow no image any more: its session ends."""
        image = self._image()
        if image is not None:
            image.events.contrast_limits.disconnect(self._on_window)
        self._image = lambda: None

    def _on_window(self, event: Any) -> None:
        if self.isVisible() and self._workspace.is_open:
            self._follow_look()

    def _grid(self) -> Grid:
        stack, marks = self._workspace.session.stack, self._content.marks
        every = self.frames.currentData()
        if stack.frames == 1:
            return frames_grid({}, 1, stack.slices).transposed()
        if every:
            return frames_grid(marks, stack.frames, stack.slices, every=every)
        return phases_grid(marks, stack.slices)

    # -- where the heart is ----------------------------------------------------------------

    def _follow_heart(self) -> None:
        """Show another part of the slices where the heart has grown out of the pictures."""
        if self._workspace.is_open and self._crop is not None and self.isVisible():
            annotations = self._workspace.session.annotations
            self._cropped = (annotations, int(annotations.versions.sum()))
            crop = steady(self._crop, crop_of_heart(self._workspace.session))
            if crop != self._crop:
                self._crop = crop
                self._follow_look()

    # -- what is asked ---------------------------------------------------------------------

    def _on_size(self, side: int) -> None:
        with QSignalBlocker(self.fit):
            self.fit.setChecked(False)
        self.tiles.show_side(side)

    def _on_fit(self, fit: bool) -> None:
        self.tiles.show_side(None if fit else self.size.value())

    def _on_arranged(self, side: int) -> None:
        with QSignalBlocker(self.size):
            self.size.setValue(side)

    def _on_menu(self, slices: Slices, where: QPoint) -> None:
        menu = slice_menu(self._workspace, slices, self)
        menu.exec(where)
        menu.deleteLater()

    def _on_asked(self, what: str, slices: Slices) -> None:
        """Do what a key asks for."""
        if not slices and what in {"confirm", "exclude", "no_heart"}:
            return
        if what == "confirm":
            self._confirm(slices)
        elif what == "exclude":
            self._exclude(slices)
        elif what == "no_heart":
            self._say_no_heart(slices)
        elif what == "next":
            self._overview.go_on()
        else:
            self.close_dock()

    def close_dock(self) -> None:
        """Close its dock; opened again, all is as it was."""
        dock = self.parent()
        if isinstance(dock, QDockWidget):
            self.tiles.left.emit()
            dock.hide()

    def _confirm(self, slices: Slices) -> None:
        meant = confirmable(self._workspace.session.annotations, slices)
        if meant:
            self._workspace.actions.confirm(*meant)
        else:
            self._workspace.say("nothing to confirm: confirmed already, empty, or excluded")

    def _exclude(self, slices: Slices) -> None:
        states = self._workspace.session.annotations.state
        rest = [index for index in slices if states(index) is not SliceState.EXCLUDED]
        if rest:
            self._workspace.actions.exclude(*rest)
        else:
            self._workspace.actions.include(*slices)

    def _say_no_heart(self, slices: Slices) -> None:
        annotations = self._workspace.session.annotations
        meant = [
            index
            for index in slices
            if annotations.state(index) is not SliceState.EXCLUDED
            and (
                annotations.labels[index].any() or annotations.state(index) is not SliceState.EXPERT
            )
        ]
        if meant:
            self._workspace.actions.no_heart(*meant)
        else:
            self._workspace.say("nothing to clear: confirmed as empty already, or excluded")

    # -- Qt --------------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that it is to be seen: it catches up with what went on unseen."""
        super().showEvent(event)
        self._follow()
