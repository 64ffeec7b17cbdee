"""The wall's thickness as one draws: the bullseye at ED, at ES and its thickening."""

from math import isnan, nan
from typing import Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QBoxLayout, QCheckBox, QComboBox, QLabel, QSpinBox, QWidget

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.insertion_marks import InsertionMarks
from napari_cardiac_ssl.gui.panels.bullseye import Bullseye, ColourBar
from napari_cardiac_ssl.gui.panels.controls import Scrolled, button, column, describe, row
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.measures import SEGMENT_NAMES, Wall, thickening_percent
from napari_cardiac_ssl.measures.wall import SEGMENTS
from napari_cardiac_ssl.study import SliceIndex

#: How long after a change the wall is measured again, and how long it may be measured at a time.
_SOON_MS, _STEP_S = 60, 0.008
#: Narrower than this there is no room beside the bullseye.
_BESIDE = 330
#: What is told is so wide, at least, and at most where it stands beside the bullseye.
_TOLD = (165, 240)
#: Of it so much is in view below the bullseye, however low that is.
_LEAST_TOLD = 60
#: So high that a segment's number can be read.
_READABLE = 240
_ED, _ES, _THICKENING = "Wall at ED (mm)", "Wall at ES (mm)", "Thickening (%)"


class WallPanel(QWidget):
    """The bullseye of the labels as they are now, and where the RV meets the LV.

    Parameters
    ----------
    workspace
        The window's.
    marks
        The insertion points on the picture.
    """

    def __init__(self, workspace: Workspace, marks: InsertionMarks) -> None:
        super().__init__()
        self._workspace, self._marks = workspace, marks
        self._walls: tuple[Wall | None, Wall | None] = (None, None)
        self.what = QComboBox()
        self.what.setAccessibleName("What the bullseye shows")
        describe(self.what, "Wall thickness at ED or ES, or by how much the wall is thicker at ES.")
        self.what.addItems([_ED, _ES, _THICKENING])
        self.bullseye, self.bar = Bullseye(), ColourBar()
        self.words = _text("What is said of the chosen segment")
        self.summary = _text("The wall as a whole")
        self.shown = QCheckBox("RV insertion points")
        describe(
            self.shown,
            "Two marks on the picture, A (anterior) and I (inferior), where the RV meets the LV. "
            "Drag them: the segments turn with them, here, in tables and in the report.",
        )
        self.turn = _turn()
        self.as_found = button("As found", "Use the insertion points that are found in the labels.")
        self._told = QWidget()
        self._parts = self._lay_out()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._measure)
        self.what.currentIndexChanged.connect(self._show)
        self.bullseye.chosen.connect(self._show_words)
        self.shown.toggled.connect(self._on_shown)
        self.turn.valueChanged.connect(self._on_turned)
        self.as_found.clicked.connect(self._on_as_found)
        workspace.changed.connect(self._on_changed)
        marks.dragged.connect(self._on_changed)
        workspace.session.signals.phases_changed.connect(self._on_changed)
        workspace.session.signals.measuring_changed.connect(self._on_changed)
        self._show()

    def _lay_out(self) -> QBoxLayout:
        """Lay the bullseye out with what is told of it; return the layout of the two."""
        self._told.setMinimumWidth(_TOLD[0])
        layout = column(self._told)
        for part in (self.what, self.bar, self.words, self.summary, self.shown):
            layout.addWidget(part)
        layout.addLayout(row(self.turn, self.as_found))
        layout.addStretch(1)
        # The words are scrolled where there is no room, and the bullseye never: it is seen whole.
        self._scrolled = Scrolled(self._told)
        parts = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        parts.setContentsMargins(4, 2, 4, 2)
        parts.addWidget(self.bullseye, 1)
        parts.addWidget(self._scrolled)
        return parts

    @property
    def busy(self) -> bool:
        """Whether what is shown is still to be measured."""
        return bool(self._soon.isActive())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how large it would like to be: so that the segments' numbers can be read."""
        return super().sizeHint().expandedTo(QSize(0, _READABLE))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Qt asks how small it may become: narrow, since what is told then goes below."""
        told = self._scrolled.minimumSizeHint().width()
        least = self.bullseye.minimumSize()
        return QSize(max(told, least.width()) + 8, least.height() + _LEAST_TOLD)

    # -- showing ---------------------------------------------------------------------------

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what went on unseen."""
        super().showEvent(event)
        self._marks.show(self.shown.isChecked())
        self._on_changed()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Take the marks along: who closes the bullseye has nothing to hide them with."""
        super().hideEvent(event)
        self._marks.show(False)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Make room anew."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Put what is told beside the bullseye where that is low, else below it."""
        width, height = self.width(), self.height()
        low = width > max(_BESIDE, 1.2 * height)
        directions = QBoxLayout.Direction
        self._parts.setDirection(directions.LeftToRight if low else directions.TopToBottom)
        beside = min(max(width // 2, _TOLD[0]), _TOLD[1])
        self._scrolled.setMaximumWidth(beside if low else width)
        told = self._told.layout().heightForWidth(max(_TOLD[0], width - 8))
        below = max(_LEAST_TOLD, min(told, height - _READABLE))
        self._scrolled.setMinimumHeight(0 if low else below)
        self._scrolled.setMaximumHeight(height if low else below)

    def _on_changed(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start(_SOON_MS)

    def _measurable(self) -> bool:
        return self._workspace.is_open and self._workspace.session.stack.view is View.SAX

    def _measure(self) -> None:
        """Measure what has changed, a little at a time, and show it."""
        if not self.isVisibleTo(self.window()) or self._workspace.is_closed:
            return
        if not self._measurable():
            self._walls = (None, None)
            self._show()
            return
        measurement = self._workspace.session.measurement
        phases, measured = measurement.phases, measurement.measured
        if not measured.count_ahead([t for t in phases if t is not None], seconds=_STEP_S):
            self._soon.start(0)
            return
        ed, es = (None if t is None else measured.wall(t) for t in phases)
        self._walls = (ed, es)
        self._show()

    def _show(self, *_: object) -> None:
        ed, es = self._walls
        what = self.what.currentText()
        thicker = thickening_percent(ed, es) if ed and es else {}
        low, high, unit, decimals = 4.0, _most(ed, es), "mm", 1
        values: dict[int, float] = {}
        if what == _THICKENING:
            values, low, high, unit, decimals = thicker, 0.0, 100.0, "%", 0
        elif wall := (ed if what == _ED else es):
            values = dict(wall.segments_mm)
        words = {s: _words(s, ed, es, thicker) for s in SEGMENTS}
        self.bullseye.show_values(values, words, low=low, high=high, decimals=decimals)
        self.bar.show_range(low, high, unit)
        self._show_words()
        self.summary.setText(self._said())
        known = any(wall and wall.septum for wall in self._walls)
        for part in (self.shown, self.turn, self.as_found):
            part.setEnabled(known)
        self._show_turn()
        self._make_room()

    def _show_words(self, *_: object) -> None:
        words = self.bullseye.words_of(self.bullseye.segment)
        self.words.setText(words[:1].upper() + words[1:])

    def _show_turn(self) -> None:
        """Show by how much the septum is turned, and whether somebody has turned it."""
        turned = nan
        if self._measurable():
            measurement = self._workspace.session.measurement
            ed = measurement.phases.ed
            if ed is not None and self._walls[0] is not None:
                turned = measurement.measured.walls.turned_by(ed)
            self.as_found.setEnabled(measurement.insertion is not None)
        self.turn.blockSignals(True)
        self.turn.setValue(0 if isnan(turned) else round(turned))
        self.turn.blockSignals(False)

    def _said(self) -> str:
        ed, es = self._walls
        if not self._measurable():
            return "The wall is measured on the short axis." if self._workspace.is_open else ""
        if ed is None and es is None:
            return "No slice at ED or ES whose myocardium closes a ring round the LV cavity."
        parts = [f"{name} {wall.mean_mm:.1f} mm" for name, wall in (("ED", ed), ("ES", es)) if wall]
        said = f"Mean {', '.join(parts)}."
        if not any(wall and wall.septum for wall in self._walls):
            return (
                f"{said} Segments cannot be assigned: label the RV beside the LV; the apex's end "
                "has to be known, too."
            )
        left_out = [
            f"{name} slice{'s' if len(wall.left_out) > 1 else ''} "
            f"{', '.join(map(str, wall.left_out))}"
            for name, wall in (("ED", ed), ("ES", es))
            if wall and wall.left_out
        ]
        return f"{said} No closed ring: {'; '.join(left_out)}." if left_out else said

    # -- asking ----------------------------------------------------------------------------

    def _on_shown(self, shown: bool) -> None:
        self._marks.show(shown)

    def _on_turned(self, degrees: int) -> None:
        with self._workspace.reporting():
            session = self._workspace.session
            ed = session.measurement.phases.ed
            index = SliceIndex(0 if ed is None else ed, self._workspace.view.in_view.z)
            points = session.measurement.measured.walls.insertion_on(index, turned_by=degrees)
            if points is None:
                raise InputError("nothing tells where the RV meets the LV; label both first")
            session.measurement.set_insertion(points)
            self._workspace.say(f"the septum is turned by {degrees}° towards anterior")

    def _on_as_found(self) -> None:
        with self._workspace.reporting():
            self._workspace.session.measurement.set_insertion(None)
            self._workspace.say("RV insertion points are told from the labels again")


def _turn() -> QSpinBox:
    """Return the field that turns the septum."""
    field = QSpinBox()
    field.setRange(-90, 90)
    field.setSingleStep(5)
    field.setPrefix("turned by ")
    field.setSuffix("°")
    field.setKeyboardTracking(False)
    field.setAccessibleName("Turn the septum, degrees towards anterior")
    describe(field, "Turns both insertion points from where the labels tell them.")
    return field


def _text(name: str) -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setAccessibleName(name)
    return label


def _most(ed: Wall | None, es: Wall | None) -> float:
    """Return the value of the darkest colour, as the report has it."""
    thickest = [wall.max_mm for wall in (ed, es) if wall and not isnan(wall.max_mm)]
    return float(max(16, 4 * round(max(thickest, default=0) / 4)))


def _words(segment: int, ed: Wall | None, es: Wall | None, thicker: dict[int, float]) -> str:
    """Return what is said of a segment."""
    parts = [
        f"{name} {wall.segments_mm[segment]:.1f} mm"
        for name, wall in (("ED", ed), ("ES", es))
        if wall and not isnan(wall.segments_mm[segment])
    ]
    if not isnan(thicker.get(segment, nan)):
        parts.append(f"thickening {thicker[segment]:.0f} %".replace("-", "−"))
    said = ", ".join(parts) or "not measured"
    return f"{SEGMENT_NAMES[segment - 1]} ({segment}): {said}"
