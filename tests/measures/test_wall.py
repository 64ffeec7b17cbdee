"""Wall thickness on annuli, and segments where a heart's are known to be."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.frame import frame_of
from napari_cardiac_ssl.measures import Measured, Wall
from napari_cardiac_ssl.measures.wall import (
    SEGMENT_NAMES,
    SEGMENTS,
    counted_from_base,
    wall_thickness,
)
from napari_cardiac_ssl.synthetic import make_study

SLICES, SIZE = 9, 72
#: Looking from the apex: rows go down, so anterior is up and the RV on the left.
UPRIGHT = np.diag([-1.5, -1.5, 8.0, 1.0])


def heart(
    thickness_mm: float | np.ndarray,
    pixel_mm: tuple[float, float] = (1.5, 1.5),
    *,
    cavity_mm: float = 24.0,
    off: tuple[float, float] = (0.3, 0.1),
) -> np.ndarray:
    """An LV with the apex at z = 0, and an RV that lies on its left in the picture.

    A thickness may be given for each direction: shape ``(360,)``, degrees from the right, up.
    """
    labels = np.zeros((SLICES, SIZE, SIZE), np.uint8)
    y, x = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    up, right = -(y - off[0]) * pixel_mm[0], (x - off[1]) * pixel_mm[1]
    radius = np.hypot(up, right)
    turned = np.rad2deg(np.arctan2(up, right)) % 360
    wall = np.broadcast_to(thickness_mm, 360)[turned.astype(int) % 360]
    for z in range(SLICES):
        cavity = cavity_mm * (0.6 + 0.05 * z)
        beside = (np.hypot(up, right + cavity) < cavity + wall) & (right < 0)
        labels[z][beside & (np.abs(turned - 180) < 60)] = 3
        labels[z][radius < cavity + wall] = 2
        labels[z][radius < cavity] = 1
    return labels


@pytest.mark.parametrize(
    ("thickness_mm", "cavity_mm", "pixel_mm"),
    [*itertools.product([5.0, 8.0, 14.0], [16.0, 28.0], [(1.5, 1.5), (1.2, 1.8), (1.0, 1.0)])],
)
def test_annuli(thickness_mm: float, cavity_mm: float, pixel_mm: tuple[float, float]) -> None:
    y, x = np.indices((128, 128)) - 63.2
    radius = np.hypot(y * pixel_mm[0], x * pixel_mm[1])
    labels = np.zeros((1, 128, 128), np.uint8)
    labels[0][radius < cavity_mm + thickness_mm] = 2
    labels[0][radius < cavity_mm] = 1
    wall = wall_thickness(labels, np.diag([pixel_mm[1], pixel_mm[0], 8.0, 1.0]))
    assert wall.mean_mm == pytest.approx(thickness_mm, abs=0.25 * np.mean(pixel_mm))
    assert wall.slices_mm == {0: pytest.approx(wall.mean_mm)}
    assert np.isnan(list(wall.segments_mm.values())).all()  # no RV: nobody knows where they are


def thickness_of_segments(wall: Wall) -> np.ndarray:
    return np.array([wall.segments_mm[s] for s in SEGMENTS])


def test_a_wall_alike_all_round_is_alike_in_every_segment() -> None:
    wall = wall_thickness(heart(8.0), UPRIGHT)
    np.testing.assert_allclose(thickness_of_segments(wall), 8.0, atol=0.5)


@pytest.mark.parametrize(
    ("direction_deg", "segments"),
    [
        (90, (1, 7, 13)),  # anterior: up
        (150, (2, 8)),  # anteroseptal: towards the RV and up
        (210, (3, 9)),
        (270, (4, 10, 15)),
        (330, (5, 11)),
        (30, (6, 12)),
        (180, (14,)),
        (0, (16,)),
    ],
)
def test_a_thick_part_is_in_its_segment(direction_deg: int, segments: tuple[int, ...]) -> None:
    away = np.abs((np.arange(360) - direction_deg + 180) % 360 - 180)
    measured = wall_thickness(heart(np.where(away < 25, 13.0, 7.0)), UPRIGHT)
    for segment in segments:
        others = {
            "basal": range(1, 7), "mid": range(7, 13), "apical": range(13, 17),
        }[SEGMENT_NAMES[segment - 1].split()[0]]  # fmt: skip
        assert max(others, key=measured.segments_mm.get) == segment


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2]), unique=True),
    st.booleans(),
    st.tuples(*[st.floats(-180, 180)] * 3),
)
def test_segments_are_the_heart_s_whatever_the_grid(
    flipped: list[int], swapped: bool, turned_deg: tuple[float, float, float]
) -> None:
    """Flip, swap and turn array and affine alike: the same heart in the same patient."""
    labels, affine = heart(np.linspace(5, 12, 360)), UPRIGHT.copy()
    expected = wall_thickness(labels, affine)
    for axis in flipped:
        column = 2 - axis
        affine[:3, 3] += affine[:3, column] * (labels.shape[axis] - 1)
        affine[:3, column] *= -1
        labels = np.flip(labels, axis)
    if swapped:
        labels = labels.transpose(0, 2, 1)
        affine[:, [0, 1]] = affine[:, [1, 0]]
    a, b, c = np.deg2rad(turned_deg)
    turn = (
        np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        @ np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    )
    oblique = np.eye(4)
    oblique[:3] = turn @ affine[:3]
    # An affine along the patient's axes is not believed (`is_mirrored`): no short axis lies so.
    if np.abs(oblique[:3, :3] / np.linalg.norm(oblique[:3, :3], axis=0)).max(axis=0).min() > 0.999:
        return
    wall = wall_thickness(labels, oblique)
    np.testing.assert_allclose(
        thickness_of_segments(wall), thickness_of_segments(expected), atol=0.25
    )


@pytest.mark.parametrize("from_base", [True, False])
def test_files_without_orientation_are_seen_from_the_apex(from_base: bool) -> None:
    """As shown (rows down, RV on the left), whichever way the slices are numbered."""
    away = np.abs((np.arange(360) - 90 + 180) % 360 - 180)
    labels = heart(np.where(away < 25, 13.0, 7.0))
    if from_base:
        labels = labels[::-1]
    wall = wall_thickness(labels, np.diag([-1.5, -1.5, 8.0, 1.0]), orientation_known=False)
    assert max(range(7, 13), key=wall.segments_mm.get) == 7


def test_slices_that_are_no_ring_are_left_out() -> None:
    labels = heart(8.0)
    labels[8, :33, 36:38][labels[8, :33, 36:38] == 2] = 0  # a horseshoe at the base
    labels[4][labels[4] == 2] = 0
    wall = wall_thickness(labels, UPRIGHT)
    assert wall.left_out == (4, 8)
    assert set(wall.slices_mm) == set(range(SLICES)) - {4, 8}
    assert wall.mean_mm == pytest.approx(8, abs=0.3)
    assert wall_thickness(np.where(labels == 2, 0, labels), UPRIGHT) is None
    assert wall_thickness(np.zeros_like(labels), UPRIGHT) is None


def test_few_slices_have_the_apex_of_the_patient_s_axes() -> None:
    two = heart(8.0)[4:6]
    oblique = np.eye(4)
    oblique[:3, 2] = np.array([1.0, -1.0, 1.0]) * 5  # from apex to base
    oblique[:3, 0] = np.array([1.0, 1.0, 0.0])
    oblique[:3, 1] = np.array([1.0, -1.0, -2.0]) / 1.7
    assert counted_from_base(two, oblique) is False
    assert counted_from_base(two[::-1], oblique @ np.diag([1.0, 1.0, -1.0, 1.0])) is True
    assert counted_from_base(two, oblique, orientation_known=False) is None
    assert counted_from_base(two, np.eye(4)) is None


def test_a_smaller_grid_or_a_border_is_no_harm() -> None:
    labels = heart(8.0)
    y, x = np.flatnonzero(labels.any((0, 2))), np.flatnonzero(labels.any((0, 1)))
    tight = labels[:, y[0] : y[-1] + 1, x[0] : x[-1] + 1]
    assert wall_thickness(tight, UPRIGHT).segments_mm == pytest.approx(
        wall_thickness(labels, UPRIGHT).segments_mm
    )


def test_the_thickest_segment() -> None:
    wall = Wall(0, 8.0, {1: 7.0, 2: 9.0, 3: float("nan")}, {}, ())
    assert (wall.max_mm, wall.max_segment) == (9.0, 2)
    nothing = Wall(0, 8.0, {1: float("nan")}, {}, ())
    assert np.isnan(nothing.max_mm)
    assert nothing.max_segment is None


def test_synthetic_walls_thicken() -> None:
    made = make_study(1, pathology="normal", frames=4, slices=10, lax=False)
    measured = Measured(made.masks[View.SAX], made.study.stack(View.SAX).affine)
    row = measured.measures(wall=True).row()
    assert 4 < row["wall_ed_mean_mm"] < 11
    assert row["wall_thickening_percent"] > 10
    assert row["wall_ed_07_mm"] < row["wall_es_07_mm"]


@pytest.mark.parametrize("seed", [1, 3])
@pytest.mark.parametrize("segment", [7, 10])
def test_anterior_is_the_patient_s_anterior(seed: int, segment: int) -> None:
    """The long-axis planes' headers say where anterior is; the wall is told by shape alone."""
    made = make_study(seed, frames=1, slices=11)
    stack, labels = made.study.stack(View.SAX), made.masks[View.SAX][0].copy()
    frame = frame_of(made.study)
    up = frame.towards_anterior - (frame.towards_anterior @ frame.towards_rv) * frame.towards_rv
    up *= (1 if segment == 7 else -1) / np.linalg.norm(up)
    voxels = np.indices(labels.shape)[::-1].transpose(1, 2, 3, 0)
    place = stack.world_mm(voxels.astype(float))
    for z in np.flatnonzero((labels == 1).any(axis=(1, 2))):
        centre = place[z][labels[z] == 1].mean(axis=0)
        away = place[z] - centre
        sector = away @ up > np.cos(np.deg2rad(25)) * np.linalg.norm(away, axis=-1)
        thicker = binary_dilation(labels[z] == 2, iterations=3)
        labels[z][sector & thicker & (labels[z] != 1)] = 2
    wall = wall_thickness(labels, stack.affine)
    assert max(range(7, 13), key=wall.segments_mm.get) == segment
