"""Before and after: the labels that the model had on a slice, shown while a key is held.

They are a layer of their own, over one slice and for that moment only: the layer that is drawn on
is out of sight meanwhile, and not touched.
"""

from napari.layers import Labels

from napari_cardiac_ssl.annotations import SliceState, unpack
from napari_cardiac_ssl.gui.desk import Desk
from napari_cardiac_ssl.gui.display import METADATA, labels_layer

#: What the layer is called.
BEFORE = "Before"


class Earlier:
    """The slice in view as it was while the model might still write it.

    Parameters
    ----------
    desk
        The window's.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._layer: Labels | None = None

    def show(self) -> None:
        """Show it in place of today's labels; say what it is."""
        self.hide()
        desk, drawn = self._desk, self._desk.view.layer
        if not desk.is_open or drawn is None:
            return
        desk.view.take_strokes()
        index, stack = desk.view.in_view, desk.session.stack
        before = desk.session.before(index)
        if before is None:
            desk.say("before: no other labels of this slice are known")
            return
        predicted = before.record.state is SliceState.PREDICTED
        at = before.record.when.replace("T", " ")[:16]
        desk.say(f"before: predicted {at} UTC" if predicted else "before: nothing was labelled")
        labels = unpack(before.mask, stack.image.shape[2:])[None, None]
        data, meta, _ = labels_layer(labels, stack, name=BEFORE)
        meta |= {
            "opacity": drawn.opacity,
            "translate": (index.t, index.z * stack.spacing_mm[0], 0, 0),
            "units": drawn.units,
            "metadata": {METADATA: {"derived": True}},
        }
        self._layer = Labels(data, **meta)
        self._layer.contour = drawn.contour
        self._desk.viewer.add_layer(self._layer)
        self._desk.viewer.layers.selection.active = drawn  # its keys go on working
        desk.hide_labels(True)

    def hide(self) -> None:
        """Show today's labels again."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        if layer in self._desk.viewer.layers:
            self._desk.viewer.layers.remove(layer)
        self._desk.hide_labels(False)
