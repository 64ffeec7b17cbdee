"""What a user of the window asks for, whatever asks: a button, a key, a menu.

Every action does the same: hand the strokes to the session, call its verb, say what happened. No
rules here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import LabelScheme
from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.gui.display import METADATA, contrast_limits
from napari_cardiac_ssl.learning.modes import Mode
from napari_cardiac_ssl.session import Start
from napari_cardiac_ssl.session.labelling import CLEARED
from napari_cardiac_ssl.study import SliceIndex
from napari_cardiac_ssl.wording import count

if TYPE_CHECKING:  # it makes these
    from napari_cardiac_ssl.gui.workspace import Workspace


class Actions:
    """What can be asked for, and what is said of it.

    Parameters
    ----------
    workspace
        Whose session is asked, whose labels are drawn on, and which says what happened.
    """

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._session, self._view = workspace.session, workspace.view

    # -- slices: that in view, where none is named -----------------------------------------

    def confirm(self, *slices: SliceIndex) -> None:
        """Make slices examples to learn from."""
        with self._acting():
            chosen = self._meant(slices)
            self._session.confirm(*chosen)
            labels = self._session.annotations.labels
            empty = sum(not labels[index].any() for index in chosen)
            if len(chosen) > 1:
                said = f"{len(chosen)} slices confirmed"
                said += f"; on {empty} of them NO HEART (Ctrl-Z takes it back)" if empty else ""
            elif empty:
                said = (
                    f"slice {chosen[0].z} confirmed to show NO HEART: nothing is labelled "
                    "(Ctrl-Z takes it back)"
                )
            else:
                # The reader goes on while this stands: it has to say which.
                said = (
                    f"slice {chosen[0].z} confirmed: the model learns from it and never changes it"
                )
            self._workspace.say(said)

    def no_heart(self, *slices: SliceIndex) -> None:
        """Say that slices show no heart, whatever is labelled on them."""
        with self._acting():
            chosen = self._meant(slices)
            self._session.no_heart(*chosen)
            where = "here" if len(chosen) == 1 else f"on {len(chosen)} slices"
            self._workspace.say(
                f"NO HEART {where}: labels deleted; the model learns it as empty (Ctrl-Z undoes it)"
            )

    def accept(self, *slices: SliceIndex) -> None:
        """Confirm predictions as they are; slices that are none stay."""
        with self._acting():
            chosen = self._meant(slices)
            before = len(self._session.annotations.slices(SliceState.EXPERT))
            self._session.accept(*chosen)
            number = len(self._session.annotations.slices(SliceState.EXPERT)) - before
            self._workspace.say(f"{count(number, 'prediction')} accepted as right")

    def unconfirm(self, *slices: SliceIndex) -> None:
        """Unconfirm slices."""
        with self._acting():
            chosen = self._meant(slices)
            self._session.labelling.unconfirm(*chosen)
            self._workspace.say(
                "unconfirmed: the model learns from it no longer, and still does not change it"
            )

    def revert(self, *slices: SliceIndex) -> None:
        """Revert slices to the model."""
        with self._acting():
            chosen = self._meant(slices)
            self._session.labelling.revert(*chosen)
            self._workspace.say(
                "reverted to the model: the next prediction fills it (Ctrl-Z brings it back)"
            )

    def exclude(self, *slices: SliceIndex) -> None:
        """Keep slices out of everything."""
        with self._acting():
            chosen = self._meant(slices)
            self._session.labelling.exclude(*chosen)
            labels = self._session.annotations.labels
            counts = any(labels[index].any() for index in chosen)
            self._workspace.say(
                "excluded: neither learned from nor predicted"
                + ("; what is labelled on it still counts in volumes" if counts else "")
            )

    def include(self, *slices: SliceIndex) -> None:
        """Take exclusions back."""
        with self._acting():
            chosen = self._meant(slices)
            self._session.labelling.include(*chosen)
            self._workspace.say("included again")

    def set_first_slice(self, index: SliceIndex | None = None, *, all_frames: bool = False) -> None:
        """Say that a slice is the first with heart: those before it show none."""
        self._set_end("first", index, all_frames)

    def set_last_slice(self, index: SliceIndex | None = None, *, all_frames: bool = False) -> None:
        """Say that a slice is the last with heart: those after it show none."""
        self._set_end("last", index, all_frames)

    def bound_by_valve(self, *, all_frames: bool = True) -> None:
        """Leave out the slices beyond valve plane and apex: they show no heart."""
        with self._acting():
            frames = () if all_frames else (self._view.in_view.t,)
            changed, staying = self._session.labelling.bound(self._session.valve.extents(*frames))
            words = f"{count(len(changed), 'slice')} beyond valve and apex marked as no heart"
            if staying:
                words += f"; {count(len(staying), 'slice')} with your labels not changed"
            self._workspace.say(f"{words} (Ctrl-Z takes it back)")

    def _set_end(
        self, end: Literal["first", "last"], index: SliceIndex | None, all_frames: bool
    ) -> None:
        with self._acting():
            (chosen,) = self._meant(() if index is None else (index,))
            changed = self._session.set_end(end, chosen, all_frames=all_frames)
            outside = [one for one in changed if self._session.annotations.is_outside(one)]
            back = len(changed) - len(outside)
            done = []
            if outside:
                done.append(f"{count(len(outside), 'slice')} outside marked as no heart")
            if back:
                done.append(f"{count(back, 'slice')} reverted to the model")
            where = "every frame" if all_frames else f"frame {chosen.t}"
            self._workspace.say(
                f"slice {chosen.z} is the {end} with heart in {where}: "
                + (f"{', '.join(done)} (Ctrl-Z takes it back)" if done else "nothing to change")
            )

    @contextmanager
    def _acting(self) -> Iterator[None]:
        """Have something done that comes after all that is drawn."""
        with self._workspace.reporting():
            self._view.take_strokes()
            yield

    def _meant(self, slices: tuple[SliceIndex, ...] = ()) -> tuple[SliceIndex, ...]:
        """Return the slices that are meant: that in view where none is named.

        Raises
        ------
        InputError
            If none is named and none is to be seen.
        """
        if not slices and not self._view.shows_slice:
            raise InputError(
                "no slice is in view in 3-D, or with axes that are turned: show slices first "
                "(Ctrl-Y leaves 3-D)"
            )
        return slices or (self._view.in_view,)

    # -- undo ------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take back what the expert did last: a stroke, a draft, a confirmation."""
        self._step_back(self._session.undo, "undone")

    def redo(self) -> None:
        """Redo what was undone last."""
        self._step_back(self._session.redo, "redone")

    def _step_back(self, verb: Callable[[], tuple[SliceIndex, ...]], how: str) -> None:
        with self._acting():
            if self._view.drawing:  # the stroke is not at its end
                return
            history = self._session.history
            what = history.undoable if verb == self._session.undo else history.redoable
            changed = verb()
            self._workspace.say(f"{how}: {what}" if what else f"nothing is left to be {how}")
            if len(changed) == 1:  # nobody should have to look for it
                self._view.go_to(changed[0])

    # -- labels that were changed otherwise than by a stroke -------------------------------

    def redraw(self, index: SliceIndex, labels: NDArray[np.uint8], done: str) -> None:
        """Take over a slice as the user has made it otherwise than by a stroke, and say it."""
        with self._acting():
            self._session.labelling.annotate(index, labels)
            self._workspace.say(done)

    def clear(self) -> None:
        """Take all labels of the slice in view away."""
        with self._acting():
            (index,) = self._meant()
            labels = self._session.annotations.labels[index]
            if not labels.any():
                raise InputError("nothing is labelled here; C confirms that no heart is here")
            self._session.labelling.annotate(index, np.zeros_like(labels), CLEARED)
            self._workspace.say("cleared (Ctrl-Z takes it back); C confirms that no heart is here")

    # -- helps: drafts to be looked at -----------------------------------------------------

    def interpolate(self) -> None:
        """Draft the slices of this frame that lie between drawn ones."""
        with self._acting():
            (index,) = self._meant()
            drafted = self._session.drafting.interpolate(index.t)
            number = count(len(drafted), "slice")
            self._workspace.say(f"{number} of this frame drafted from those that are drawn")

    def copy_neighbour(self) -> None:
        """Draft the slice in view as the nearest one that is drawn: of this frame, or in time."""
        with self._acting():
            (index,) = self._meant()
            source = self._neighbour(index)
            self._session.drafting.copy(source, index)
            self._workspace.say(
                f"copied from frame {source.t}, slice {source.z}; correct what differs"
            )

    def copy_on(self, *, frames: int = 0, slices: int = 0) -> None:
        """Draft a neighbour of the slice in view as this one is, and go there.

        After the last frame comes the first, as ever; after the last slice comes nothing.
        """
        with self._acting():
            (index,) = self._meant()
            stack = self._session.stack
            target = SliceIndex((index.t + frames) % stack.frames, index.z + slices)
            if target == index or not 0 <= target.z < stack.slices:
                raise InputError("there is no other frame, or no slice further on, to copy to")
            if not self._session.annotations.labels[index].any():
                raise InputError("nothing is labelled here to be copied")
            self._session.drafting.copy(index, target)
            self._view.go_to(target)
            self._workspace.say(
                f"copied to frame {target.t}, slice {target.z}; correct what differs "
                "(Ctrl-Z takes it back)"
            )

    def _neighbour(self, index: SliceIndex) -> SliceIndex:
        drawn = self._session.annotations.slices(SliceState.EXPERT, SliceState.EDITING)
        near = [
            one
            for one in drawn
            if one != index
            and (one.t == index.t or one.z == index.z)
            and not self._session.annotations.is_outside(one)
        ]
        if not near:
            raise InputError(
                "nothing to copy: first draw another slice of this frame, or this one in another "
                "frame"
            )
        frames = self._session.stack.frames

        def distance(one: SliceIndex) -> tuple[int, int]:
            apart = abs(one.t - index.t)
            return min(apart, frames - apart) + abs(one.z - index.z), abs(one.z - index.z)

        return min(near, key=distance)

    def propagate(self) -> None:
        """Draft the slice in view in all other frames, by the motion between them."""
        with self._acting():
            (index,) = self._meant()
            self._session.drafting.propagate(index)
            self._workspace.say("carrying this slice through the cine, some seconds…")

    def tidy(self) -> None:
        """Keep each structure's largest piece on the slice in view, and fill the holes."""
        with self._acting():
            (index,) = self._meant()
            tidied = self._session.drafting.tidy(index)
            self._workspace.say(
                "tidied: largest pieces kept, holes filled" if tidied else "nothing to tidy"
            )

    # -- going through the stack -----------------------------------------------------------

    def go(self, *, frames: int = 0, slices: int = 0) -> None:
        """Show another slice; after the last frame comes the first."""
        if self._workspace.is_open:
            stack, (t, z) = self._session.stack, self._view.in_view
            z = min(max(z + slices, 0), stack.slices - 1)
            self._view.go_to(SliceIndex((t + frames) % stack.frames, z))

    def go_to_suggestion(self) -> None:
        """Show the slice that is worth looking at next, and say why."""
        with self._acting():
            for suggested in self._session.suggestion.suggest(number=2):
                if suggested.index != self._view.in_view:
                    self._view.go_to(suggested.index)
                    self._workspace.say(suggested.reason)
                    break
            else:
                self._workspace.say(
                    "nothing left to suggest: all slices are drawn, confirmed or excluded"
                )

    def hide_labels(self, hidden: bool) -> None:
        """Show the image alone, or with its labels again."""
        if self._view.layer is not None:
            self._view.layer.visible = not hidden

    def reset_window(self) -> None:
        """Have the image's window and level be those that it was opened with."""
        image = self._workspace.shown_image
        if image is None:
            return
        stack = image.metadata.get(METADATA, {}).get("stack")
        if stack is None:  # none of ours: napari knows
            image.reset_contrast_limits()
        else:
            image.contrast_limits = contrast_limits(stack.image)
        low, high = image.contrast_limits
        self._workspace.changed.emit()  # the window is kept
        self._workspace.say(
            f"window {high - low:.4g}, level {(low + high) / 2:.4g}: as when it was opened"
        )

    # -- learning --------------------------------------------------------------------------

    def train(self, seconds: float, start: Start, mode: Mode) -> None:
        """Learn from what is drawn."""
        with self._workspace.reporting():
            self._view.take_strokes()
            self._session.training.train(
                seconds=seconds, start=start, mode=mode, first=self._view.in_view
            )
            slices = count(self._session.training.status.slices, "confirmed slice")
            self._workspace.say(
                f"learning from {slices} in the background; you can go on drawing meanwhile"
            )

    def predict(self) -> None:
        """Refresh the predictions without training."""
        with self._workspace.reporting():
            self._view.take_strokes()
            self._session.training.predict(first=self._view.in_view)
            self._workspace.say("predicting in the background; you can go on drawing meanwhile")

    def roll_back(self) -> None:
        """Go back to the model before, and to what it predicted."""
        with self._acting():
            self._session.roll_back()
            self._workspace.say(
                "the previous model and its predictions are back (Ctrl-Z undoes this)"
            )

    # -- labels from elsewhere, and results ----------------------------------------------

    def use(self, layer: Labels, scheme: LabelScheme | None = None) -> None:
        """Go on from the labels of another layer, on slices that no expert has touched."""
        with self._acting():
            labels, how = self._workspace.labels_of(layer, scheme)
            slices = self._session.labelling.take_over(labels)
            left_out = [one.name for one in scheme.apart if not one.within] if scheme else []
            self._workspace.say(
                f"took {count(len(slices), 'labelled slice')} over from {layer.name}, {how}; "
                + (f"{', '.join(left_out)} left out; " if left_out else "")
                + "confirm those that are right"
            )

    def export_masks(self, path: Path, scheme: LabelScheme) -> None:
        """Write the labels as seen."""
        with self._workspace.reporting():
            self._view.take_strokes()
            written = self._session.export.masks(path, scheme)
            self._workspace.say(f"masks written to {written} (scheme {scheme.name})")

    def export_model(self, path: Path) -> None:
        """Write the present model."""
        with self._workspace.reporting():
            self._workspace.say(f"model written to {self._session.export.model(path)}")
