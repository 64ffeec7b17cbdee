"""Simulated readers who correct a slice in the window until it agrees with an expert's contours.

Each is a simple rule for the hand: what to take next, and where to. None of them ever misses or
trembles, so that what is compared is how much a hand has to do in one way and in another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_cardiac_ssl.geometry.borders import lines_of
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.outlines import Line, filled

if TYPE_CHECKING:  # it makes these
    from recorded_case import Case

#: How often a reader tries on one slice.
MOST = 60
ENDO, EPI = Border.ENDOCARDIUM, Border.EPICARDIUM
#: Which structure's key goes with a border.
KEYS = {ENDO: "1", EPI: "2"}
LV, MYO = 1, 2
#: Sizes of the brush, in pixels of the image.
BRUSHES = (9, 7, 5, 4, 3, 2, 1)

#: A disc pushes where so long a stretch is off; so large it is at most.
LONG_MM, DISC_MM, OUTER_DISC_MM = 30.0, 10.0, 5.0
#: A border of which so much is off to one side is moved as a whole.
ONE_SIDE = 0.9
#: Of how many places a straight drag is made.
PULL = 3
#: A stretch is drawn anew from so far before it is off until so far behind.
BESIDE_MM = 5.0
FREE, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)

Labels = NDArray[np.uint8]
#: Called once, while the button is held.
Midway = Callable[[], object]


def nothing() -> None:
    """Do nothing midway."""


@dataclass(frozen=True)
class Off:
    """Where a border is furthest from the expert's line."""

    mm: float
    border: Border
    at: NDArray[np.float64]
    wanted: NDArray[np.float64]


def furthest(
    now: list[Line], wanted: list[Line], border: Border, spacing_mm: tuple[float, float]
) -> Off:
    """Return the place where two borders are furthest from each other."""
    if not now:
        return Off(np.inf, border, wanted[0][0], wanted[0][0])
    here, there = (np.concatenate([dense(line) for line in lines]) for lines in (now, wanted))
    away, nearest = cKDTree(there * spacing_mm).query(here * spacing_mm)
    back, nearest_back = cKDTree(here * spacing_mm).query(there * spacing_mm)
    if away.max() >= back.max():
        at = int(away.argmax())
        return Off(float(away.max()), border, here[at], there[nearest[at]])
    at = int(back.argmax())
    return Off(float(back.max()), border, here[nearest_back[at]], there[at])


def dense(line: Line, parts: int = 5) -> Line:
    """Return a line with more points, for distances."""
    after = np.roll(line, -1, axis=0)
    return np.concatenate([line + (after - line) * part / parts for part in range(parts)])


class Points:
    """Corrects by points: the one that is furthest off is dragged onto the expert's line.

    Where points are right and the line between them is not, the line is pulled there.
    """

    #: What is held where more than a point is taken.
    HELD = FREE

    def __init__(self, case: "Case", tolerance_mm: float) -> None:
        self.case, self._tolerance_mm = case, tolerance_mm
        self._spacing = np.array(case.stack.spacing_mm[1:])
        case.hand.key("Q")

    def correct(self, midway: Midway) -> None:
        """Have the slice in view agree with the expert."""
        case, tried = self.case, set()
        for _ in range(MOST):
            for one in sorted(case.off(), key=self._later):
                path, held = self._path(one)
                mark = (one.border, *np.round(path[0], 1), *np.round(path[-1], 1))
                if one.mm > self._tolerance_mm and mark not in tried:
                    break
            else:
                return
            tried.add(mark)
            if np.isinf(one.mm):
                draw(case, one.border, midway)
                case.hand.key("Q")
            else:
                self._choose(one.border)
                draws = len(path) > PULL
                case.hand.drag(case.px(path), draws=draws, held=held, midway=midway)
            midway = nothing

    def _choose(self, border: Border) -> None:
        """Have a border be the one that is meant where two lie on each other."""
        if str(self.case.widget.view.layer.selected_label) != KEYS[border]:
            self.case.hand.key(KEYS[border])

    def _later(self, one: Off) -> tuple[bool, bool]:
        """Return what to sort by: a border is done before another is chosen."""
        now = str(self.case.widget.view.layer.selected_label)
        return self._is_blocked(one), KEYS[one.border] != now

    def _is_blocked(self, one: Off) -> bool:
        """Tell whether the other border has to go first: the endocardium stays within the wall."""
        there = self.case.labels[tuple(np.rint(one.wanted).astype(int))]
        return there == (0 if one.border is ENDO else LV)

    def _path(self, one: Off) -> tuple[NDArray[np.float64], Qt.KeyboardModifier]:
        """Return what to take and where to, and what is held meanwhile."""
        start, end = one.at, one.wanted
        if np.isfinite(one.mm):
            way = self._stroke(one)
            if way is not None:
                return way, self.HELD
            lines = self.case.widget.contours.lines[one.border]
            grips = self.case.widget.drawing._edit._grips.points[one.border]
            points = np.concatenate([line[at] for line, at in zip(lines, grips, strict=True)])
            there = self._wanted(one.border)
            away, nearest = cKDTree(there * self._spacing).query(points * self._spacing)
            worst = int(away.argmax())
            if away[worst] > self._tolerance_mm:
                start, end = points[worst], there[nearest[worst]]
        return start + np.linspace(0, 1, PULL)[:, None] * (end - start), FREE

    def _wanted(self, border: Border) -> Line:
        return np.concatenate([dense(one) for one in expert_lines(self.case)[border]])

    def _now(self, border: Border) -> Line:
        return np.concatenate([dense(line) for line in self.case.widget.contours.lines[border]])

    def _stroke(self, one: Off) -> Line | None:
        """Return none: points are dragged alone."""


class Disc(Points):
    """As `Points`; where a border is off on a long stretch, a disc beside it pushes all of that."""

    def _stroke(self, one: Off) -> Line | None:
        """Return the way of the disc's middle, if there is such a stretch and room beside it."""
        spacing, shape = self._spacing, self.case.labels.shape
        outwards = one.border is ENDO  # from within the cavity; the epicardium from without
        wanted = max(expert_lines(self.case)[one.border], key=len)
        now = filled(self.case.widget.contours.lines[one.border], shape)
        there = filled([wanted], shape)
        wrong = there & ~now if outwards else now & ~there
        way = dense(wanted)
        off, _ = cKDTree(self._now(one.border) * spacing).query(way * spacing)
        beside = ndimage.distance_transform_edt(~wrong, sampling=spacing)
        near = beside[tuple(np.rint(way).astype(int).T)] < 1.5 * spacing.max()
        stretch = longest_run((off > self._tolerance_mm / 2) & near)
        room = 0.6 * float(np.sqrt(now.sum() * spacing.prod() / np.pi))
        radius = min(DISC_MM, room) if outwards else OUTER_DISC_MM
        if not len(stretch) or off[stretch].max() <= self._tolerance_mm:
            return None
        if off[stretch].max() > radius:
            return None  # it would leave a groove
        if np.hypot(*(np.diff(way[stretch], axis=0) * spacing).T).sum() < LONG_MM:
            return None
        middles = beside_line(way * spacing, radius if outwards else -radius)[stretch] / spacing
        # The disc is as large as the distance from the line where the button is pressed: from there
        # on it is moved to the expert's line, and along it.
        inwards = (middles[0] - way[stretch[0]]) * spacing / radius
        press = middles[0] + inwards * off[stretch[0]] / spacing
        return np.vstack([press, middles[::10], middles[-1:]])


class Edit(Points):
    """Draws each stretch of a border that is off anew, along the expert's line.

    A border that is off to one side nearly all round is first moved as a whole.
    """

    HELD = SHIFT

    def correct(self, midway: Midway) -> None:
        """Have the slice in view agree with the expert."""
        self._drawn: set[tuple[object, ...]] = set()
        for border in (EPI, ENDO):  # the endocardium stays within the wall
            way = self._whole(border)
            if way is not None:
                self._choose(border)
                self.case.hand.drag(self.case.px(way), held=CTRL, midway=midway)
                midway = nothing
        super().correct(midway)

    def _whole(self, border: Border) -> Line | None:
        """Return where to take a border and where to, if it is off to one side as a whole.

        It is moved by the mean of how far it is off: taken at a place where it is off by as much.
        """
        off = {one.border: one.mm for one in self.case.off()}[border]
        if np.isinf(off) or off <= self._tolerance_mm:
            return None
        here, there = self._now(border), self._wanted(border)
        away, nearest = cKDTree(there * self._spacing).query(here * self._spacing)
        wanted = filled(expert_lines(self.case)[border], self.case.labels.shape)
        within = ndimage.map_coordinates(wanted.astype(float), here.T, order=1) >= 0.5
        if max(within.mean(), 1 - within.mean()) < ONE_SIDE:
            return None
        signed = np.where(within, away, -away)
        at = int(np.abs(signed - signed.mean()).argmin())
        return here[at] + np.linspace(0, 1, PULL)[:, None] * (there[nearest[at]] - here[at])

    def _stroke(self, one: Off) -> Line | None:
        """Return the stretch of the expert's line from which the border is off, the worst one."""
        way = dense(max(expert_lines(self.case)[one.border], key=len))
        here = self._now(one.border)
        off, _ = cKDTree(here * self._spacing).query(way * self._spacing)
        away, nearest = cKDTree(way * self._spacing).query(here * self._spacing)
        np.maximum.at(off, nearest, away)  # what bulges from it, too
        step_mm = np.hypot(*(np.diff(way, axis=0) * self._spacing).T).mean()
        beside = np.ones(2 * round(BESIDE_MM / step_mm) + 1, bool)
        far = np.tile(off > self._tolerance_mm, 3)  # round the end of the line
        far = ndimage.binary_dilation(far, beside)[len(way) : 2 * len(way)]
        if far.all():
            return np.vstack([way[::10], way[:1]])
        first = int(np.flatnonzero(~far)[0])
        pieces, _ = ndimage.label(np.roll(far, -first))
        worst = pieces[(int(off.argmax()) - first) % len(way)]
        stretch = (np.flatnonzero(pieces == worst) + first) % len(way)
        mark = (one.border, *stretch[[0, -1]])
        if not worst or mark in self._drawn:  # drawing it a second time changes nothing
            return None
        self._drawn.add(mark)
        return np.vstack([way[stretch][::10], way[stretch][-1:]])


def expert_lines(case: "Case") -> dict[Border, list[Line]]:
    """Return the expert's borders on the slice in view."""
    return lines_of(case.expert[case.index])


def longest_run(where: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the longest run of what is so, round the end of a closed line."""
    if where.all():
        return np.arange(len(where))
    first = int(np.flatnonzero(~where)[0])
    pieces, number = ndimage.label(np.roll(where, -first))
    if not number:
        return np.empty(0, np.intp)
    longest = int(np.bincount(pieces)[1:].argmax()) + 1
    return (np.flatnonzero(pieces == longest) + first) % len(where)


def beside_line(line_mm: Line, by_mm: float) -> Line:
    """Return a closed line moved to its inner side, or outwards if less than 0."""
    smooth = ndimage.gaussian_filter1d(line_mm, 15, axis=0, mode="wrap")
    ahead = np.roll(smooth, -1, axis=0) - np.roll(smooth, 1, axis=0)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
    y, x = smooth.T
    turns = np.sum(y * np.roll(x, -1) - x * np.roll(y, -1)) > 0  # from y to x
    return line_mm + normal * (by_mm if turns else -by_mm)


class Brush:
    """Corrects by painting and erasing what is wrong, piece by piece."""

    def __init__(self, case: "Case", tolerance_mm: float) -> None:
        self.case, self._tolerance_mm = case, tolerance_mm
        case.hand.key("P")
        case.hand.key("M")  # myocardium may cover the cavity: it is to be corrected both ways

    def correct(self, midway: Midway) -> None:
        """Have the slice in view agree with the expert."""
        case, tried = self.case, set()
        wanted = case.expert[case.index].copy()
        stays = (wanted == 0) & ~np.isin(case.labels, (LV, MYO))
        wanted[stays] = case.labels[stays]
        for _ in range(MOST):
            if case.off()[0].mm <= self._tolerance_mm:
                return
            pieces = [p for p in wrong_pieces(case, wanted) if p[1].tobytes() not in tried]
            if not pieces:
                return
            code, piece = pieces[0]
            tried.add(piece.tobytes())
            size, path = stroke_over(piece, wanted == code)
            self._choose(code, size)
            case.hand.drag(case.px(path), draws=True, midway=midway)
            midway = nothing

    def _choose(self, code: int, size: int) -> None:
        layer, hand = self.case.widget.view.layer, self.case.hand
        now = 0 if str(layer.mode) == "erase" else layer.selected_label
        if now != code:
            hand.key(str(code))
        while round(layer.brush_size) != size:
            hand.key("BracketRight" if layer.brush_size < size else "BracketLeft", thinks=False)


def wrong_pieces(case: "Case", wanted: Labels) -> list[tuple[int, NDArray[np.bool_]]]:
    """Return what is wrong, as pieces to be made one structure: those where it is worst first."""
    now, worst, found = case.labels, case.off()[0], []
    for code in (LV, MYO, 0):
        missing = (wanted == code) & (now != code)
        pieces, number = ndimage.label(missing, structure=np.ones((3, 3)))
        for one in range(1, number + 1):
            places = np.argwhere(pieces == one)
            away = np.hypot(*(places - (worst.at + worst.wanted) / 2).T).min()
            found.append((away, code, pieces == one))
    return [(code, piece) for _, code, piece in sorted(found, key=lambda one: one[0])]


def stroke_over(
    piece: NDArray[np.bool_], allowed: NDArray[np.bool_]
) -> tuple[int, NDArray[np.float64]]:
    """Return the largest brush that covers a piece and stays within, and its way over the piece."""
    room = ndimage.distance_transform_edt(allowed)
    to_do = np.argwhere(piece)
    for size in BRUSHES:
        centres = np.argwhere((room > size / 2) & ndimage.binary_dilation(piece, iterations=size))
        if not len(centres):
            continue
        covers = np.hypot(*(centres[:, None] - to_do[None]).transpose(2, 0, 1)) <= size / 2
        if covers.any(axis=0).mean() >= 0.8:
            break
    left, way = covers.any(axis=0), []
    while left.any():
        best = int((covers & left).sum(axis=1).argmax())
        way.append(centres[best])
        left &= ~covers[best]
    return size, in_line(np.array(way, float))


def in_line(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places one after the other: from one end always to the nearest."""
    left = list(range(len(places)))
    middle = places.mean(axis=0)
    way = [max(left, key=lambda i: float(np.hypot(*(places[i] - middle))))]
    left.remove(way[0])
    while left:
        way.append(min(left, key=lambda i: float(np.hypot(*(places[i] - places[way[-1]])))))
        left.remove(way[-1])
    return places[way]


class Contours:
    """Corrects by drawing borders anew."""

    def __init__(self, case: "Case", tolerance_mm: float) -> None:
        self.case, self._tolerance_mm = case, tolerance_mm

    def correct(self, midway: Midway) -> None:
        """Have the slice in view agree with the expert."""
        off = {one.border: one.mm for one in self.case.off()}
        for border in (ENDO, EPI):  # the cavity first: the wall never covers it
            if off[border] > self._tolerance_mm:
                draw(self.case, border, midway)
                midway = nothing


def draw(case: "Case", border: Border, midway: Midway) -> None:
    """Draw a border anew along the expert's line."""
    if not case.widget.view.fills_contours:
        case.hand.key("G")
    case.hand.key(KEYS[border])
    for line in lines_of(case.expert[case.index])[border]:
        case.hand.drag(case.px(np.vstack([line, line[:1]])), draws=True, midway=midway)


WAYS = {"edit": Edit, "disc": Disc, "points": Points, "brush": Brush, "contour": Contours}
