"""The part of a session that knows how the heart of the open study lies."""

from collections.abc import Callable
from pathlib import Path

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.frame import AnatomicalFrame, Landmarks, frame_of
from napari_cardiac_ssl.project import Project
from napari_cardiac_ssl.readers.landmarks import read_landmarks, study_ids
from napari_cardiac_ssl.session.history import History
from napari_cardiac_ssl.session.open_study import OpenStudy
from napari_cardiac_ssl.study import Study
from napari_cardiac_ssl.writers.landmarks import write_landmarks


class Anatomy:
    """Landmarks of the open study, and its anatomical frame.

    Landmarks are kept with the study's short axis, whichever of its stacks is open.
    """

    def __init__(self, project: Callable[[], Project], study: OpenStudy, history: History) -> None:
        self._project, self._study, self._history = project, study, history
        self._framed: tuple[Study, object] | None = None
        self._frame: tuple[AnatomicalFrame | None, str] = (None, "")

    @property
    def landmarks(self) -> Landmarks | None:
        """Where the heart lies, if somebody has said so by three points."""
        if not self._study.is_open:
            return None
        points = self._project().state("landmarks", self._subject)
        try:
            return Landmarks.of(points) if points else None
        except InputError:  # not written by us; without them all goes on
            return None

    @property
    def frame(self) -> AnatomicalFrame | None:
        """How the heart lies, by landmarks or else by the views; None where that is not known."""
        return self._framed_anew()[0]

    @property
    def why_no_frame(self) -> str:
        """Why it is not known; empty if it is, or if nothing is open."""
        return self._framed_anew()[1]

    def set_landmarks(self, landmarks: Landmarks | None) -> None:
        """Say where the heart lies by three points, or that they hold no more.

        Raises
        ------
        InputError
            If no stack is open, or the project is open to read only.
        """
        points = landmarks.points() if landmarks else None
        self._history.set_state("landmarks", "landmarks", self._subject, points)

    def load_landmarks(self, path: Path) -> None:
        """Take the study's landmarks from a landmark file.

        Raises
        ------
        InputError
            If it has none for this study, or is no landmark file; or as `set_landmarks`.
        """
        name, found = _study_id(self._study.of(self._study.stack)), read_landmarks(path)
        if name not in found:
            raise InputError(
                f"{path}: no landmarks for study '{name}'; it has "
                f"{', '.join(list(found)[:5])}{', …' if len(found) > 5 else ''}"
            )
        self.set_landmarks(Landmarks.of(found[name]))

    def save_landmarks(self, path: Path) -> None:
        """Write the landmarks as a landmark file, beside those of other studies in it.

        Raises
        ------
        InputError
            If there are none, or the file is no landmark file, or cannot be written.
        """
        study, landmarks = self._study.current, self.landmarks
        if study is None or landmarks is None:
            raise InputError("no landmarks to save; set them by three clicks first")
        write_landmarks(path, _study_id(study), landmarks)

    @property
    def _subject(self) -> str:
        """The digest of the stack that landmarks are kept with."""
        stack = self._study.stack
        stacks = self._study.of(stack).stacks
        return next((one for one in stacks if one.view is View.SAX), stack).digest

    def _framed_anew(self) -> tuple[AnatomicalFrame | None, str]:
        study = self._study.current
        if study is None:
            return None, ""
        landmarks = self.landmarks
        framed = study, landmarks.points() if landmarks else None
        if framed != self._framed:
            try:
                self._frame = frame_of(study, landmarks), ""
            except InputError as error:
                self._frame = None, str(error)
            self._framed = framed
        return self._frame


def _study_id(study: Study) -> str:
    """Return what a landmark file calls a study: its folder, or its name to the first underscore.

    Of a study that was read from a file on its own, as the command line has it.
    """
    path = study.stacks[0].path
    return study.name if path is None else study_ids(path)[0]
