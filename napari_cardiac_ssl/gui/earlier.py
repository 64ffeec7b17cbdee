"""Before and after: what the model had on a slice, or the image alone, while a key is held.

The labels of before are a layer of their own, over one slice and for that moment only: the layer
that is drawn on is out of sight meanwhile, and not touched. Whatever changes ends it.
"""

from typing import Any

from napari.layers import Labels

from napari_cardiac_ssl.annotations import SliceContent, SliceState, unpack
from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.display import METADATA, labels_layer, write_over
from napari_cardiac_ssl.gui.plane_lines import PlaneLines
from napari_cardiac_ssl.wording import local, now

#: What the layer is called.
BEFORE = "Before"


class Earlier:
    """The slice in view as it was while the model might still write it; or without labels.

    Parameters
    ----------
    desk
        The window's.
    lines
        What is drawn over the image beside labels.
    """

    def __init__(self, desk: Desk, lines: PlaneLines) -> None:
        self._desk, self._lines = desk, lines
        self._layer: Labels | None = None
        self._alone = False
        session = desk.session
        for signal in (
            session.signals.stack_opened,
            session.signals.slices_changed,
            session.signals.labels_refreshed,
        ):
            signal.connect(self.hide, check_nargs=False)
        desk.viewer.dims.events.current_step.connect(self.hide)

    def show(self) -> None:
        """Show what the model had in place of today's labels, and say what it is."""
        desk, drawn = self._desk, self._desk.view.layer
        if not desk.is_open or drawn is None or self._alone:
            return
        self.hide()
        desk.view.take_strokes()
        before = desk.session.history.before(desk.view.in_view)
        if before is None:
            desk.say("before: no other labels of this slice are known")
            return
        self._layer = self._make(before, drawn)
        desk.viewer.add_layer(self._layer)
        desk.viewer.layers.selection.active = drawn  # its keys go on working
        desk.hide_labels(True)
        write_over(desk.viewer, _words(before))

    def hide(self, *_: Any) -> None:
        """Show today's labels again."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        self._desk.hide_labels(False)
        if layer in self._desk.viewer.layers:
            self._desk.viewer.layers.remove(layer)
        write_over(self._desk.viewer, "")

    def show_image(self) -> None:
        """Show the image alone."""
        self.hide()
        self._alone = True
        self._desk.hide_labels(True)
        self._lines.hide(True)

    def hide_image(self) -> None:
        """Show labels and lines again."""
        self._alone = False
        self._desk.hide_labels(False)
        self._lines.hide(False)

    def close(self) -> None:
        """Let go of the viewer."""
        self.hide()
        self._desk.viewer.dims.events.current_step.disconnect(self.hide)

    def _make(self, before: SliceContent, drawn: Labels) -> Labels:
        desk = self._desk
        index, stack = desk.view.in_view, desk.session.stack
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
