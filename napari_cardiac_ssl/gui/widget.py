"""The dock widget: the panels of the window, put together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import ref

import napari
from napari.layers import Labels
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_cardiac_ssl.gui.cine import Cine
from napari_cardiac_ssl.gui.compare import Compare
from napari_cardiac_ssl.gui.docks import dock_below, dock_beside
from napari_cardiac_ssl.gui.dropping import Drops
from napari_cardiac_ssl.gui.help_menu import HelpMenu
from napari_cardiac_ssl.gui.insertion_marks import InsertionMarks
from napari_cardiac_ssl.gui.key_table import (
    keys_of_drawing,
    keys_of_looking,
    keys_of_panels,
    keys_of_slices,
)
from napari_cardiac_ssl.gui.keys import Key, PictureKeys, bind_dock
from napari_cardiac_ssl.gui.landmarks import LandmarkClicks
from napari_cardiac_ssl.gui.last_opened import LastOpened
from napari_cardiac_ssl.gui.mosaic.panel import MosaicPanel
from napari_cardiac_ssl.gui.opening import Opening, is_ours
from napari_cardiac_ssl.gui.overlays.contour_lines import ContourLines
from napari_cardiac_ssl.gui.overlays.picture import PictureOverlay
from napari_cardiac_ssl.gui.panels.cine import CinePanel
from napari_cardiac_ssl.gui.panels.controls import Scrolled
from napari_cardiac_ssl.gui.panels.drawing import DrawingPanel
from napari_cardiac_ssl.gui.panels.export import ExportPanel
from napari_cardiac_ssl.gui.panels.hint import HintPanel
from napari_cardiac_ssl.gui.panels.image import NOTHING_TO_SAVE, ImagePanel
from napari_cardiac_ssl.gui.panels.last_opened import LastOpenedPanel
from napari_cardiac_ssl.gui.panels.learning import LearningPanel
from napari_cardiac_ssl.gui.panels.measuring import MeasuringPanel
from napari_cardiac_ssl.gui.panels.overview import OverviewPanel
from napari_cardiac_ssl.gui.panels.slice import SlicePanel
from napari_cardiac_ssl.gui.panels.status import StatusLine
from napari_cardiac_ssl.gui.panels.views import ViewsPanel
from napari_cardiac_ssl.gui.panels.wall import WallPanel
from napari_cardiac_ssl.gui.picture_mouse import PictureMouse
from napari_cardiac_ssl.gui.plane_lines import TRACES, PlaneLines
from napari_cardiac_ssl.gui.preferences import preferences, preferred_session
from napari_cardiac_ssl.gui.studies import Studies
from napari_cardiac_ssl.gui.tools import Tools
from napari_cardiac_ssl.gui.tools.contour import EditContour
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.gui.zoom_link import ZoomLink
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import Study

#: How often the trainer is listened to, in ms: short enough that nobody feels it.
TICK_MS = 40
#: How long after a panel came Qt has made room for it.
_LAID_OUT_MS = 50

_HINT_OPEN = (
    "Open a study: drop its folder or file here or on the picture, press Open…, or try "
    "File > Open Sample > Cardiac SSL."
)
_FILES = "Images and projects (*.nii *.nii.gz *.hdr *.img *.dcm *.ima *.cardiac);;All files (*)"


class CardiacWidget(QWidget):
    """Label a few slices, train, correct, export.

    Parameters
    ----------
    viewer
        The viewer that it is docked in.
    session
        Whose state it shows; by default one of its own, which keeps what is done on each image.
    """

    def __init__(self, viewer: napari.Viewer, session: Session | None = None) -> None:
        super().__init__()
        self.viewer = viewer
        self._views_of: Study | None = None  # for whom the views came by themselves
        self._home: Callable[[], QMainWindow | None] = lambda: None
        if session is None:
            session = preferred_session()
        self.workspace = Workspace(viewer, session)
        self.session, self.view = self.workspace.session, self.workspace.view
        self.studies = Studies(self.workspace)
        self.overlay = PictureOverlay(self.workspace, self)
        self.contours = ContourLines(self.workspace, self.overlay)
        self.tools = Tools(self.workspace, self.overlay)
        self._lay_out()
        self.lines, self.clicks = PlaneLines(self.workspace), LandmarkClicks(self.workspace)
        self.lines.show(TRACES, preferences().show_planes)
        self.clicks.changed.connect(self._on_clicks)
        self.compare = Compare(self.workspace, self.contours, self.lines, self.marks)
        self.link = ZoomLink(self.workspace, self.overlay)
        self.views = ViewsPanel(self.workspace, self.lines, self.clicks, self.link)
        self.mosaic = MosaicPanel(self.workspace, self.overview)
        self.beside = CinePanel(self.workspace, self.link)
        self.overview.cine_asked.connect(self.toggle_cine_beside)
        self.overview.mosaic_asked.connect(self.show_mosaic)
        self.opening = Opening(self.studies, self)
        self.choice.open_asked.connect(self.ask_to_open)
        self.choice.views_asked.connect(self._on_views_asked)
        self.choice.kept_asked.connect(self.opening.open_kept)
        self.setAcceptDrops(True)
        self._drops = Drops(is_ours, self.open, self)
        self.mouse = PictureMouse(self.workspace, self.tools, self.studies.fit, self)
        self.mosaic.tiles.left.connect(self.mouse.give_keyboard)
        self.session.signals.study_changed.connect(self._on_study)
        self.session.signals.job_changed.connect(self._on_learning)
        self.session.signals.model_adopted.connect(self._on_learning)
        self._picture_keys = PictureKeys(viewer)
        self.help = HelpMenu(viewer, self)
        keys = self.keys
        for dock in (self, self.mosaic, self.views, self.beside):
            bind_dock(dock, keys)
        self.workspace.layer_shown.connect(self._on_layer_shown)
        self.workspace.changed.connect(self._show_unkept)
        self.workspace.said.connect(self._show_unkept)
        self._show_unkept()
        self.workspace.said.connect(self.status.say)
        self.workspace.unsaid.connect(self.status.take_back)
        self.session.signals.history_changed.connect(self.status.on_act)
        self.workspace.say(_HINT_OPEN)
        # A plugin's widget is not always told of its window's end: it goes with its Qt object.
        # (Not a method of the dying object: Qt would take it off first.)
        self.destroyed.connect(lambda *_: self.close_session())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.workspace.tick)
        self._timer.start(TICK_MS)

    def _lay_out(self) -> None:
        workspace = self.workspace
        self.cine = Cine(workspace, self)
        self.overview = OverviewPanel(workspace)
        self.last = LastOpened(workspace, self.open, self)
        self.choice, self.drawing, self.slice = (
            ImagePanel(self.studies, self.last),
            DrawingPanel(
                workspace,
                self.contours,
                self.tools,
                EditContour(workspace, self.overlay, self.contours),
            ),
            SlicePanel(workspace),
        )
        self.learning, self.export = LearningPanel(workspace), ExportPanel(workspace)
        self.tabs = QTabWidget()
        self.add_tab("Learn", self.learning)
        self.measuring = MeasuringPanel(workspace)
        self.add_tab("Measure", self.measuring)
        self.marks = InsertionMarks(workspace, self)
        self.wall = WallPanel(workspace, self.marks)
        self.measuring.wall_asked.connect(self.show_wall)
        self.add_tab("Export", self.export)
        self.numbers = QLabel()
        self.numbers.setWordWrap(True)
        self.numbers.setAccessibleName("The most important numbers")
        self.numbers.setVisible(False)
        self.measuring.summarised.connect(self._show_numbers)
        self.status = StatusLine(self._standing)
        inside = QWidget()
        parts = QVBoxLayout(inside)
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(4)
        self.hint = HintPanel()
        self.unkept = QLabel()
        self.unkept.setWordWrap(True)
        self.unkept.setAccessibleName("Why nothing is kept")
        self.unkept.setStyleSheet("padding: 3px; color: black; background: #F0E442;")
        for part in (
            self.unkept,
            self.choice,
            LastOpenedPanel(workspace, self.last),
            self.overview,
            self.drawing,
            self.slice,
            self.tabs,
            self.hint,  # below what is clicked: it goes by itself, and no button is to move
        ):
            parts.addWidget(part)
        parts.setStretchFactor(self.tabs, 1)
        parts.addWidget(self.numbers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(Scrolled(inside), 1)
        layout.addWidget(self.status)  # in view however low the window is

    def _show_unkept(self) -> None:
        reason = self.session.alert or ""
        self.unkept.setText(reason[:1].upper() + reason[1:])
        self.unkept.setVisible(bool(reason))

    def _standing(self) -> str:
        """Return what there is to say when nothing has just happened: what to do first."""
        return self.workspace.hint if self.workspace.is_open else _HINT_OPEN

    def _show_numbers(self, text: str) -> None:
        self.numbers.setText(text)
        self.numbers.setVisible(bool(text))

    def add_tab(self, title: str, panel: QWidget) -> None:
        """Add a panel for what is not needed all the time."""
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(4, 4, 4, 2)
        layout.addWidget(panel)
        layout.addStretch(1)
        scroll = Scrolled(page)  # on small screens what is above has to stay in view
        scroll.setMinimumHeight(94)
        self.tabs.addTab(scroll, title)

    def open(self, *paths: Path) -> None:
        """Read studies, stacks or masks in the background, and show them."""
        self.opening.open(*paths)

    def ask_to_open(self, kind: str) -> None:
        """Ask for a ``folder`` or a ``file`` to open, or for a name to ``save`` the project as."""
        if kind == "save":
            self._on_save_asked()
            return
        if kind == "folder":
            chosen = [QFileDialog.getExistingDirectory(self, "Open a study's folder")]
        else:
            chosen, _ = QFileDialog.getOpenFileNames(self, "Open images", "", _FILES)
        self.open(*(Path(path) for path in chosen if path))

    def _on_save_asked(self) -> None:
        if not self.workspace.can_save:  # from a menu that does not know
            self.workspace.say(NOTHING_TO_SAVE)
            return
        study = self.session.study.current
        name = study.name if study else "project"
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save as project", f"{name}.cardiac", "Projects (*.cardiac)"
        )
        if chosen:
            path = Path(chosen)
            with self.workspace.reporting():
                self.view.take_strokes()
                self.session.persistence.save_as(
                    path if path.suffix else path.with_suffix(".cardiac")
                )

    def show_tab(self, title: str) -> None:
        """Bring one of the tabs to the front."""
        for place in range(self.tabs.count()):
            if self.tabs.tabText(place) == title:
                self.tabs.setCurrentIndex(place)

    def show_views(self) -> None:
        """Dock the other views of the study, if they are not."""
        dock_beside(self.viewer, self.views, self, "Views")

    def show_mosaic(self) -> None:
        """Dock the mosaic below the picture, bring it to the front, and give it the keyboard."""
        dock_below(self.viewer, self.mosaic, "Mosaic", self.mosaic.height_at)
        self.mosaic.tiles.setFocus()

    def toggle_cine_beside(self) -> None:
        """Dock the cine of the slice in view beside the picture, or hide it."""
        if self.beside.isVisible():
            self.beside.parent().hide()
        else:
            dock_beside(self.viewer, self.beside, self, "Cine", under=self.views, wide_from=0)

    def show_wall(self) -> None:
        """Dock the bullseye, if it is not."""
        dock_beside(self.viewer, self.wall, self, "Bullseye", under=self.views)

    def _on_views_asked(self) -> None:
        self._views_of = None
        self.show_views()

    def _on_study(self) -> None:
        study = self.session.study.current
        views = len(study.stacks) if study is not None else 0
        dock = self.views.parent()
        seen = isinstance(dock, QDockWidget) and dock.isVisible()
        if views > 1 or self.session.anatomy.landmarks is not None:
            if not seen or self._views_of is not None:
                self._views_of = study
            self.show_views()
            if views > 1 and not seen:  # the picture has become smaller
                QTimer.singleShot(_LAID_OUT_MS, self.studies.fit)
        elif seen and study is not None and self._views_of not in {None, study}:
            dock.hide()  # it came by itself, with a study that is not looked at any more
            self._views_of = None

    def _on_learning(self, *_: object) -> None:
        model = self.session.model
        if self.session.training.status.slices or (model is not None and model.slices_learned):
            self.hint.hide()  # who trains knows the first steps

    @property
    def keys(self) -> list[Key]:
        """What the keys do."""
        actions = self.workspace.actions
        return [
            *keys_of_drawing(self.drawing),
            *keys_of_looking(actions, self.compare),
            *keys_of_slices(actions),
            *keys_of_panels(
                play=self.cine.toggle,
                cine=self.toggle_cine_beside,
                mosaic=self.show_mosaic,
                suggested=self.overview.go_on,
                train=self.learning.try_to_train,
            ),
        ]

    def _on_clicks(self) -> None:
        if self.clicks.asking:  # clicks set landmarks now, and nothing else
            self.tools.choose(None)

    def _on_layer_shown(self, layer: Labels) -> None:
        self._picture_keys.bind(layer, self.keys)

    def close_session(self) -> None:
        """End the trainer process and let go of the viewer."""
        if self.workspace.is_closed:
            return
        self._picture_keys.close()
        self.help.close()
        self.tools.close()
        self.compare.close()
        self.clicks.close()
        self.mosaic.let_go()
        self.marks.close()
        self.lines.close()
        self.link.close()
        self.contours.close()
        self.overlay.close()
        self.studies.close()
        self.workspace.close()

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the widget is seen, in whatever window."""
        super().showEvent(event)
        if isinstance(self.window(), QMainWindow):
            self._home = ref(self.window())
        self._drops.watch()
        self.mouse.watch()
        self.overlay.watch()

    def event(self, event: Any) -> bool:
        """Qt tells of anything: here that the user has closed the panel, and napari let it go."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            QTimer.singleShot(0, self._stay)
        return bool(super().event(event))

    def _stay(self) -> None:
        """Stay with the window, out of sight: its session goes on, and ends with the window."""
        home = self._home()
        if self.parent() is None and home is not None and not self.workspace.is_closed:
            self.setParent(home)

    def closeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Qt tells that the widget is closed."""
        self._timer.stop()
        self.close_session()
        super().closeEvent(event)
