"""What each key of the window does, in groups; the guide lists them for people."""

from collections.abc import Callable
from functools import partial

from napari_cardiac_ssl.gui.actions import Actions
from napari_cardiac_ssl.gui.compare import Compare
from napari_cardiac_ssl.gui.keys import Key
from napari_cardiac_ssl.gui.panels.drawing import DrawingPanel


def keys_of_drawing(drawing: DrawingPanel) -> list[Key]:
    """Return the keys that choose what is drawn, and with what."""
    structures = [
        Key((str(code),), made.toolTip().split(".")[0], partial(drawing.choose, code))
        for code, made in drawing.buttons.items()
    ]
    napari_s = [
        Key((name,), words, act, napari_s=True)
        for name, words, act in (
            ("E", "erase", partial(drawing.use, "erase")),
            ("F", "fill", partial(drawing.use, "fill")),
            ("P", "paint", drawing.paint),
            ("L", "pick a label", partial(drawing.use, "pick")),
            ("Z", "move the picture", partial(drawing.use, "pan_zoom")),
            ("[", "smaller brush", partial(drawing.change_brush, -1)),
            ("]", "larger brush", partial(drawing.change_brush, 1)),
        )
    ]
    return [
        *structures,
        *napari_s,
        Key(("G",), "draw contours, or with the brush again", drawing.toggle_contour),
        Key(("Q",), "edit contours by points, or the brush again", drawing.toggle_edit),
        Key(("M",), "let myocardium cover the LV cavity, or not", drawing.keep.toggle),
        Key(("O",), "fill the labels, or show their contours alone", drawing.toggle_fill),
    ]


def keys_of_looking(actions: Actions, compare: Compare) -> list[Key]:
    """Return the keys that change what is in view, and nothing else."""
    return [
        Key(("A", "Left"), "frame before", lambda: actions.go(frames=-1)),
        Key(("D", "Right"), "frame after", lambda: actions.go(frames=1)),
        Key(("W", "Up"), "slice before", lambda: actions.go(slices=-1)),
        Key(("S", "Down"), "slice after", lambda: actions.go(slices=1)),
        Key(("H",), "image alone, while held", compare.show_image, compare.hide_image),
        Key(
            ("B",),
            "the labels before they were corrected or predicted anew, while held",
            compare.show,
            compare.hide,
        ),
        Key(("Shift-L",), "window and level as at first", actions.reset_window),
    ]


def keys_of_slices(actions: Actions) -> list[Key]:
    """Return the keys that say something of slices, or draft them."""
    return [
        Key(("C",), "confirm the slice", actions.confirm),
        Key(("Shift-C",), "no heart on the slice: clear and confirm it", actions.no_heart),
        Key(("Shift-X",), "clear the slice", actions.clear),
        *(
            Key((f"{held}Shift-{arrow}",), f"this slice is the {which} with heart in {where}", act)
            for arrow, which, say in (
                ("Up", "first", actions.set_first_slice),
                ("Down", "last", actions.set_last_slice),
            )
            for held, where, act in (
                ("", "the frame", say),
                ("Control-", "every frame", partial(say, all_frames=True)),
            )
        ),
        Key(("I",), "interpolate the frame between drawn slices", actions.interpolate),
        Key(("U",), "copy the nearest drawn slice", actions.copy_neighbour),
        *(
            Key((f"Shift-{letter}",), f"copy the slice to the {words} and go there", act)
            for letter, words, act in (
                ("A", "frame before", partial(actions.copy_on, frames=-1)),
                ("D", "frame after", partial(actions.copy_on, frames=1)),
                ("W", "slice before", partial(actions.copy_on, slices=-1)),
                ("S", "slice after", partial(actions.copy_on, slices=1)),
            )
        ),
        Key(("R",), "carry the slice through the cine", actions.propagate),
        Key(("Y",), "tidy the slice: largest pieces, no holes", actions.tidy),
        Key(("Control-Z",), "undo", actions.undo, everywhere=True),
        Key(("Control-Shift-Z",), "redo", actions.redo, everywhere=True),
    ]


def keys_of_panels(
    *,
    play: Callable[[], object],
    cine: Callable[[], object],
    mosaic: Callable[[], object],
    suggested: Callable[[], object],
    train: Callable[[], object],
) -> list[Key]:
    """Return the keys of what panels do."""
    return [
        Key(("K",), "play the cine, or stop", play),
        Key(("Shift-K",), "the cine beside the picture, or not", cine),
        Key(("J",), "the mosaic: all slices at one look", mosaic),
        Key(("N",), "go to the slice that is suggested", suggested),
        Key(("T",), "train", train),
    ]
