"""What leaves as files."""

from collections.abc import Callable, Collection
from pathlib import Path

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QMessageBox,
    QWidget,
)

from napari_cardiac_ssl.anatomy import SCHEMES, LabelScheme, Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.panels.controls import button, column, describe
from napari_cardiac_ssl.gui.preferences import preferences
from napari_cardiac_ssl.gui.studies import Studies

#: What can be written: key, name, what it is, the ending of its file.
_PARTS = (
    ("masks", "Masks", "The labels as seen, on the image's own grid, NIfTI.", "_seg.nii.gz"),
    (
        "numbers",
        "Measurements",
        "Volumes, EF, mass and wall thickness as a table (CSV), and tables of frames and slices.",
        "_measurements.csv",
    ),
    (
        "provenance",
        "Provenance",
        "Who drew which slice, when, and from which model's prediction (JSON).",
        "_provenance.json",
    ),
    ("report", "Report", "One page with contours, curve and numbers (HTML).", "_report.html"),
    ("model", "Model", "The present model, to predict or to go on from.", "_model.safetensors"),
)
_FRAMES = (("all frames", "all"), ("ED and ES only", "phases"), ("the frame in view", "view"))


class ExportPanel(QWidget):
    """What leaves as files: chosen once, written into one folder.

    Parameters
    ----------
    studies
        The window's.
    """

    def __init__(self, studies: Studies) -> None:
        super().__init__()
        self._studies, self._desk = studies, studies.desk
        self.parts: dict[str, QCheckBox] = {}
        for key, name, what, _ in _PARTS:
            box = self.parts[key] = QCheckBox(name)
            box.setAccessibleName(f"Export {name.lower()}")
            describe(box, what)
            box.setChecked(key in {"masks", "numbers"})
            box.toggled.connect(self._show)
        self.frames = _choice("Frames of the masks", "Whose labels the masks hold.")
        for text, which in _FRAMES:
            self.frames.addItem(text, which)
        self.schemes = _choice(
            "Label scheme of exported masks", "Which integer means which structure in the masks."
        )
        for name, scheme in SCHEMES.items():
            codes = {structure: scheme.code(structure) for structure in scheme.structures}
            self.schemes.addItem(
                f"{name}: LV {codes[Structure.LV_CAVITY]}, myo {codes[Structure.MYOCARDIUM]}, "
                f"RV {codes[Structure.RV_CAVITY]}",
                name,
            )
        self.schemes.setCurrentIndex(max(0, self.schemes.findData(preferences().scheme)))
        self.all_views = QCheckBox("all views of the study that are labelled")
        describe(self.all_views, "Otherwise the one that is worked on.")
        self.go = button("Export…", "Choose a folder, and write what is ticked.")
        self.go.setMinimumHeight(34)
        self.go.clicked.connect(self._on_go)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.parts["masks"])
        form.addRow("    of", self.frames)
        form.addRow("    as", self.schemes)
        for key in list(self.parts)[1:]:
            form.addRow(self.parts[key])
        form.addRow(self.all_views)
        layout = column(self)
        layout.addWidget(self.go)  # first: on small screens the rest is scrolled
        layout.addLayout(form)
        self._desk.changed.connect(self._show)
        studies.changed.connect(self._show)
        self._show()

    @property
    def scheme(self) -> LabelScheme:
        """The scheme that is chosen."""
        return SCHEMES[self.schemes.currentData()]

    def export(self, folder: Path) -> list[Path]:
        """Write what is ticked into a folder; what cannot be written is said.

        Returns
        -------
        list of Path
            What was written.
        """
        written: list[Path] = []
        with self._desk.reporting():
            self._desk.view.take_strokes()
            for write in self._jobs(folder):
                written += write()
            if not written:
                raise InputError("nothing to export: tick what is to be written")
            names = ", ".join(path.name for path in written)
            self._desk.say(f"written to {folder}: {names}")
        return written

    def files(self, folder: Path) -> list[Path]:
        """Return the files that would be written for the view that is worked on."""
        name = self._desk.session.stack.name
        return [folder / f"{name}{ending}" for key, _, _, ending in _PARTS if self._is_asked(key)]

    def _jobs(self, folder: Path) -> list[Callable[[], list[Path]]]:
        study, here = self._studies.current, self._desk.session.stack
        if study is None or not self.all_views.isChecked():
            return [lambda: self._export_one(folder)]
        if self._desk.session.busy:
            raise InputError("training is running; finish or cancel it to export all views")

        def others() -> list[Path]:
            written = []
            for stack in study.stacks:
                self._studies.work_on(stack)
                if self._desk.session.annotations.labels.any():
                    written += self._export_one(folder)
            self._studies.work_on(here)
            return written

        return [others]

    def _export_one(self, folder: Path) -> list[Path]:
        """Write what is ticked and makes sense for the view that is worked on."""
        session, study = self._desk.session, self._studies.current
        written: list[Path] = []
        for key, _, _, ending in _PARTS:
            path = folder / f"{session.stack.name}{ending}"
            if not self._is_asked(key):
                continue
            if key == "masks":
                written.append(session.export_mask(path, self.scheme, self._frames()))
            elif key == "numbers":
                written += session.export_measurements(path)
            elif key == "provenance":
                written.append(session.export_provenance(path))
            elif key == "report" and study is not None:
                written.append(session.export_report(path, study.name, study.notes))
            elif key == "model":
                written.append(session.export_model(path))
        return written

    def _is_asked(self, key: str) -> bool:
        """Tell whether something is ticked and can be written of the view that is worked on."""
        only_sax = key in {"numbers", "report"}
        if only_sax and self._desk.session.stack.view is not View.SAX:
            return False
        if key == "model" and self._desk.session.model is None:
            return False
        return bool(self.parts[key].isChecked())

    def _frames(self) -> Collection[int] | None:
        which = self.frames.currentData()
        if which == "view":
            return [self._desk.view.in_view.t]
        if which == "phases":
            return [frame for frame in self._desk.session.phases if frame is not None]
        return None

    def _show(self) -> None:
        self.setEnabled(self._desk.is_open)
        study = self._studies.current
        self.all_views.setVisible(study is not None and len(study.stacks) > 1)
        self.all_views.setEnabled(not self._desk.session.busy)
        self.parts["model"].setEnabled(self._desk.session.model is not None)
        for part in (self.frames, self.schemes):
            part.setEnabled(self.parts["masks"].isChecked())
        self.go.setEnabled(any(box.isChecked() for box in self.parts.values()))

    def _on_go(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export into which folder?")
        if not chosen:
            return
        there = [path.name for path in self.files(Path(chosen)) if path.exists()]
        if there:
            answer = QMessageBox.question(
                self, "Write over files?", f"These are there already: {', '.join(there)}."
            )
            if answer != QMessageBox.StandardButton.Yes:
                return
        self.export(Path(chosen))


def _choice(name: str, tip: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    describe(made, tip)
    return made
