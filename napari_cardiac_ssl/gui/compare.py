"""Before and after: what the model had on a slice, or the image alone, while a key is held.

The previous labels are a layer of their own, over one slice and for that moment only: the layer
that is drawn on is out of sight meanwhile, and not touched. Whatever changes ends it.
"""

from typing import Any

from napari.layers import Labels

from napari_cardiac_ssl.annotations import SliceContent, SliceState, unpack
from napari_cardiac_ssl.gui.display import METADATA, labels_layer, write_over
from napari_cardiac_ssl.gui.insertion_marks import InsertionMarks
from napari_cardiac_ssl.gui.plane_lines import PlaneLines
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.wording import local, now

#: What the layer is called.
BEFORE = "Before"


class Compare:
    """The slice in view as it was while the model might still write it; or without labels.

    Parameters
    ----------
    workspace
        The window's.
    lines, marks
        What is drawn over the image beside labels.
    """

    def __init__(self, workspace: Workspace, lines: PlaneLines, marks: InsertionMarks) -> None:
        self._workspace, self._over = workspace, (lines, marks)
        self._layer: Labels | None = None
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
        workspace, drawn = self._workspace, self._workspace.view.layer
        if not workspace.is_open or drawn is None or self._alone:
            return
        self.hide()
        workspace.view.take_strokes()
        before = workspace.session.history.before(workspace.view.in_view)
        if before is None:
            workspace.say("before: no other labels of this slice are known")
            return
        self._layer = self._make(before, drawn)
        workspace.viewer.add_layer(self._layer)
        workspace.viewer.layers.selection.active = drawn  # its keys go on working
        workspace.actions.hide_labels(True)
        write_over(workspace.viewer, _words(before))

    def hide(self, *_: Any) -> None:
        """Show today's labels again."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        self._workspace.actions.hide_labels(False)
        if layer in self._workspace.viewer.layers:
            self._workspace.viewer.layers.remove(layer)
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

    def _make(self, before: SliceContent, drawn: Labels) -> Labels:
        workspace = self._workspace
        index, stack = workspace.view.in_view, workspace.session.stack
        labels = unpack(before.mask, stack.image.shape[2:])[None, None]
        data, meta, _ = labels_layer(labels, stack, name=BEFORE)
        meta |= {
            "opacity": drawn.opacity,
            "translate": (index.t, index.z * stack.spacing_mm[0], 0, 0),
            "units": drawn.units,
            "metadata": {METADATA: {"derived": True}},
        }
        layer = Labels(data, **meta)
        layer.contour = drawn.contour
        return layer


def _words(before: SliceContent) -> str:
    if before.record.state is not SliceState.PREDICTED:
        return "BEFORE\nnot labelled"
    at = local(before.record.when)
    today = at.date() == local(now()).date()
    return f"BEFORE\npredicted {at:%H:%M:%S}" if today else f"BEFORE\n{at:%Y-%m-%d %H:%M}"
