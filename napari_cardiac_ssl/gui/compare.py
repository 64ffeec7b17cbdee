"""Before and after: what the model had on a slice, or the image alone, while a key is held.

The lines of the previous labels take the place of today's for that moment: the layer that is drawn
on is not touched. Whatever changes ends it.
"""

from typing import Any

from napari_cardiac_ssl.annotations import SliceContent, SliceState, unpack
from napari_cardiac_ssl.gui.display import write_over
from napari_cardiac_ssl.gui.insertion_marks import InsertionMarks
from napari_cardiac_ssl.gui.overlays.contour_lines import ContourLines
from napari_cardiac_ssl.gui.plane_lines import PlaneLines
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.wording import local, now


class Compare:
    """The slice in view as it was while the model might still write it; or without labels.

    Parameters
    ----------
    workspace
        The window's.
    contours
        The labels' lines on its picture.
    lines, marks
        What is drawn over the image beside labels.
    """

    def __init__(
        self,
        workspace: Workspace,
        contours: ContourLines,
        lines: PlaneLines,
        marks: InsertionMarks,
    ) -> None:
        self._workspace, self._contours, self._over = workspace, contours, (lines, marks)
        self._alone = False
        session = workspace.session
        for signal in (
            session.signals.stack_opened,
            session.signals.slices_changed,
            session.signals.labels_refreshed,
        ):
            signal.connect(self.hide, check_nargs=False)
        workspace.viewer.dims.events.current_step.connect(self.hide)

    def show(self) -> None:
        """Show what the model had in place of today's labels, and say what it is."""
        workspace = self._workspace
        if not workspace.is_open or workspace.view.layer is None or self._alone:
            return
        self.hide()
        if not workspace.view.shows_slice:
            workspace.say("before: no slice is in view")
            return
        workspace.view.take_strokes()
        before = workspace.session.history.before(workspace.view.in_view)
        if before is None:
            workspace.say("before: no other labels of this slice are known")
            return
        shape = workspace.session.stack.image.shape[2:]
        self._contours.show_instead(unpack(before.mask, shape))
        write_over(workspace.viewer, _words(before))

    def hide(self, *_: Any) -> None:
        """Show today's labels again."""
        if self._contours.shows_other:
            self._contours.show_instead(None)
            write_over(self._workspace.viewer, "")

    def show_image(self) -> None:
        """Show the image alone."""
        self.hide()
        self._alone = True
        self._workspace.actions.hide_labels(True)
        for drawn in self._over:
            drawn.hide(True)

    def hide_image(self) -> None:
        """Show labels and lines again."""
        self._alone = False
        self._workspace.actions.hide_labels(False)
        for drawn in self._over:
            drawn.hide(False)

    def close(self) -> None:
        """Let go of the viewer."""
        self.hide()
        self._workspace.viewer.dims.events.current_step.disconnect(self.hide)


def _words(before: SliceContent) -> str:
    if before.record.state is not SliceState.PREDICTED:
        return "BEFORE\nnot labelled"
    at = local(before.record.when)
    today = at.date() == local(now()).date()
    return f"BEFORE\npredicted {at:%H:%M:%S}" if today else f"BEFORE\n{at:%Y-%m-%d %H:%M}"
