"""What leaves as files."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QMessageBox,
    QWidget,
)

from napari_cardiac_ssl.anatomy import SCHEMES, UKBB, LabelScheme
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.valve_motion import same_moment
from napari_cardiac_ssl.gui.panels.controls import (
    button,
    chosen_scheme,
    column,
    describe,
    offer_schemes,
)
from napari_cardiac_ssl.gui.preferences import preferences
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.writers.registry import WRITERS
from napari_cardiac_ssl.writers.work import Choice, Work

#: Names of folders that say nothing of whose scans they hold.
_OF_MANY = {"dicom", "dicomdir", "images", "image", "img", "mr", "mri", "cine", "scan", "study"}

#: What is written of ED and ES together, where they are two stacks.
_OF_BOTH = {"numbers", "report"}
_FRAMES = (("all frames", "all"), ("ED and ES only", "phases"), ("the frame in view", "view"))


class ExportPanel(QWidget):
    """What leaves as files: chosen once, written into one folder.

    Parameters
    ----------
    workspace
        The window's.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.parts: dict[str, QCheckBox] = {}
        for key, writer in WRITERS.items():
            box = self.parts[key] = QCheckBox(writer.name)
            box.setAccessibleName(f"Export {writer.name.lower()}")
            describe(box, writer.about)
            box.setChecked(writer.usual)
            box.toggled.connect(self._show)
        self.frames = _choice("Frames of the masks", "Which frames are written to the masks.")
        for text, which in _FRAMES:
            self.frames.addItem(text, which)
        self.schemes = _choice(
            "Label scheme of exported masks", "Which integer means which structure in the masks."
        )
        offer_schemes(self.schemes)
        names = list(SCHEMES)
        preferred = preferences().scheme
        self.schemes.setCurrentIndex(names.index(preferred) if preferred in names else 0)
        self.all_views = QCheckBox("all views of the study that are labelled")
        describe(self.all_views, "If not ticked, only the open view is exported.")
        self.go = button("Export…", "Choose a folder, and write what is ticked.")
        self.go.setMinimumHeight(34)
        self.go.clicked.connect(self._on_go)
        self.names = QLabel()
        self.names.setWordWrap(True)
        self.names.setAccessibleName("How the names of files begin")
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
        layout.addWidget(self.names)
        layout.addLayout(form)
        self._workspace.changed.connect(self._show)
        workspace.session.signals.study_changed.connect(self._show)
        self._show()

    @property
    def scheme(self) -> LabelScheme:
        """The scheme that is chosen, or typed.

        Raises
        ------
        InputError
            If what was typed is none.
        """
        return chosen_scheme(self.schemes) or UKBB

    def export(
        self, folder: Path, may_replace: Callable[[Sequence[str]], bool] = lambda names: True
    ) -> list[Path]:
        """Write what is ticked into a folder; what cannot be written is said.

        Everything is written aside first: only then is it known which files there will be, of all
        views, and either all of them get into the folder or, where one fails, none.

        Parameters
        ----------
        folder
            Where to.
        may_replace
            Asked, with the names of files that are there already, whether to replace them.

        Returns
        -------
        list of Path
            What was written.
        """
        done: list[Path] = []
        with self._workspace.reporting(), _aside(folder) as aside:
            self._workspace.view.take_strokes()
            written: list[Path] = []
            both = self._workspace.session.export.both_phases()
            for work in self._works():
                keys = set(WRITERS) - (_OF_BOTH if both else set())
                written += self._write(work, aside, keys)
            written += self._write(both, aside, _OF_BOTH) if both else []
            written = [folder / path.relative_to(aside) for path in written]
            if not written:
                raise InputError("nothing to export: tick what is to be written")
            made = [path.relative_to(aside) for path in aside.rglob("*") if path.is_file()]
            there = sorted(str(path) for path in made if (folder / path).exists())
            if there and not may_replace(there):
                return done
            for path in made:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (aside / path).replace(folder / path)
            names = ", ".join(path.name for path in written)
            self._workspace.say(f"written to {folder}: {names}")
            done += written
        return done

    def _works(self) -> Iterator[Work]:
        """Yield what there is to write: of the open stack, or of all that are labelled."""
        session = self._workspace.session
        if not self.all_views.isChecked() or session.study.current is None:
            yield session.export.work()
            return
        for stack in session.study.current.stacks:
            work = session.export.work(stack)
            if work.annotations.labels.any():
                yield work

    def _write(self, work: Work, folder: Path, keys: Collection[str]) -> list[Path]:
        """Write what is ticked and makes sense for a view. No two patients' files are alike."""
        choice, stem = Choice(self.scheme, self._frames(work)), file_stem(work.study, work.stack)
        return [
            file
            for key, writer in WRITERS.items()
            if key in keys and self.parts[key].isChecked() and writer.offered(work)
            for file in writer.write(folder / f"{stem}{writer.ending}", work, choice)
        ]

    def _frames(self, work: Work) -> Collection[int] | None:
        which = self.frames.currentData()
        if which == "view":
            here = self._workspace.view.in_view.t, self._workspace.session.stack.frames
            return [same_moment(*here, work.stack.frames)]
        if which == "phases":
            return [frame for frame in work.phases if frame is not None]
        return None

    def _show(self) -> None:
        self.setEnabled(self._workspace.is_open)
        study = self._workspace.session.study.current if self._workspace.is_open else None
        stem = file_stem(study.name, self._workspace.session.stack) if study else ""
        self.names.setText(f"Files: {stem}_…" if stem else "")
        self.all_views.setVisible(study is not None and len(study.stacks) > 1)
        self.parts["model"].setEnabled(self._workspace.session.model is not None)
        self.parts["landmarks"].setEnabled(self._workspace.session.anatomy.landmarks is not None)
        for part in (self.frames, self.schemes):
            part.setEnabled(self.parts["masks"].isChecked())
        self.go.setEnabled(any(box.isChecked() for box in self.parts.values()))

    def _on_go(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export into which folder?")
        if not chosen:
            return
        self.export(Path(chosen), self._may_replace)

    def _may_replace(self, names: Sequence[str]) -> bool:
        answer = QMessageBox.question(
            self, "Replace files?", f"These are there already: {', '.join(names)}."
        )
        return bool(answer == QMessageBox.StandardButton.Yes)


def file_stem(study: str, stack: Stack) -> str:
    """Return how the names of a stack's files begin: with the study's name, then the stack's.

    A folder of a name that many have, as on the discs of scanners, goes by the one that it is in.

    Parameters
    ----------
    study
        Its name; empty if it has none.
    stack
        One of its views.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 1, 2, 2))
    >>> from napari_cardiac_ssl.study import DicomSource
    >>> disc = DicomSource(Path("/scans/anna/DICOM"))
    >>> sax = Stack(image, np.eye(4), name="SAX", source=disc)
    >>> file_stem("DICOM", sax), file_stem("berta", sax), file_stem("SAX", sax)
    ('anna_SAX', 'berta_SAX', 'SAX')
    """
    if study.lower() in _OF_MANY and stack.path is not None:
        folders = [folder.name for folder in (stack.path, *stack.path.parents)]
        above = folders[folders.index(study) + 1 :] if study in folders else []
        study = next((name for name in above if name and name.lower() not in _OF_MANY), study)
    stem = stack.name if stack.name.startswith(study) else f"{study}_{stack.name}"
    return re.sub(r'[\s<>:"/\\|?*]+', "-", stem)


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Make a folder within another, on the same disk, that is gone afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=folder) as aside:
            yield Path(aside)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error


def _choice(name: str, tip: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    describe(made, tip)
    return made
