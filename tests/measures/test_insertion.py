"""The RV's insertion points: found in labels, set by hand, and the segments that turn with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures import InsertionPoints, Measured
from napari_cardiac_ssl.study import SliceIndex

from .test_wall import UPRIGHT, heart

MID = SliceIndex(0, 4)


def measured(**settings) -> Measured:
    turned = np.abs((np.arange(360) - 180 + 180) % 360 - 180)  # away from the septum's middle
    return Measured(heart(np.where(turned < 30, 12.0, 7.0))[np.newaxis], UPRIGHT, **settings)


def direction(points: InsertionPoints, name: str, centre: np.ndarray) -> float:
    """Degrees from the right, up, as `heart` counts them."""
    x, y, _ = getattr(points, name) - centre
    # UPRIGHT turns both axes of the picture round.
    return float(np.rad2deg(np.arctan2(y, -x))) % 360


@pytest.fixture
def centre() -> np.ndarray:
    labels = heart(8.0)[MID.z]
    y, x = np.argwhere(labels == 1).mean(axis=0)
    return (UPRIGHT @ [x, y, MID.z, 1.0])[:3]


def test_they_are_found_at_the_ends_of_the_septum(centre) -> None:
    points = measured().walls.insertion_on(MID)
    anterior, inferior = (
        direction(points, name, centre) for name in ("rv_anterior", "rv_inferior")
    )
    assert 100 < anterior < 175  # up and towards the RV
    assert 185 < inferior < 260
    assert (anterior + inferior) / 2 == pytest.approx(180, abs=4)
    assert points.rv_anterior[2] == pytest.approx(8.0 * MID.z)


def test_setting_them_where_they_were_found_changes_nothing() -> None:
    before = measured()
    points = before.walls.insertion_on(MID)
    after = measured(insertion=points)
    assert after.wall(0).segments_mm == pytest.approx(before.wall(0).segments_mm, abs=0.15)
    assert after.walls.turned_by(0) == pytest.approx(0, abs=1.5)


@given(st.integers(-85, 85))
def test_turning_them_turns_the_segments(degrees) -> None:
    heart_ = measured()
    points = heart_.walls.insertion_on(MID, turned_by=degrees)
    heart_.walls.set_insertion(points)
    assert heart_.walls.turned_by(0) == pytest.approx(degrees, abs=1.5)
    placed = heart_.walls.insertion_on(MID)
    for name, place in points.points().items():
        assert np.linalg.norm(getattr(placed, name) - place) < 1.5  # where they were put


def test_a_sixth_of_a_turn_is_one_segment() -> None:
    heart_ = measured()
    before = heart_.wall(0).segments_mm
    heart_.walls.set_insertion(heart_.walls.insertion_on(MID, turned_by=60))
    after = heart_.wall(0).segments_mm
    # Towards anterior: what was the anterior wall is anteroseptal now.
    for now, was in ((2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (1, 6)):
        assert after[now] == pytest.approx(before[was], abs=0.6)
    heart_.walls.set_insertion(None)
    assert heart_.wall(0).segments_mm == before


def test_they_say_which_side_is_anterior_where_nothing_else_does() -> None:
    """An LV without an RV beside it has segments once somebody has set the points."""
    alone = np.where(heart(8.0) == 3, 0, heart(8.0))[np.newaxis]
    points = measured().walls.insertion_on(MID)
    bare = Measured(alone, UPRIGHT)
    assert np.isnan(bare.wall(0).max_mm)
    assert bare.walls.insertion_on(MID) is None
    assert np.isnan(bare.walls.turned_by(0))
    bare.walls.set_insertion(points)
    assert not np.isnan(list(bare.wall(0).segments_mm.values())).any()


def test_points_opposite_each_other_say_no_side(centre) -> None:
    up = np.array([0.0, 30.0, 0.0])
    points = InsertionPoints(centre + up, centre - up)
    plain = measured().wall(0).segments_mm
    assert measured(insertion=points).wall(0).segments_mm == plain


def test_what_cannot_be_two_points_is_refused() -> None:
    here = [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match=r"0\.0 mm apart"):
        InsertionPoints.of({"rv_anterior": here, "rv_inferior": here})
    with pytest.raises(InputError, match="lack rv_inferior"):
        InsertionPoints.of({"rv_anterior": here})
    with pytest.raises(InputError, match="rv_anterior"):
        InsertionPoints.of({"rv_anterior": [np.nan, 0, 0], "rv_inferior": here})


def test_drawing_moves_what_nobody_has_set() -> None:
    heart_ = measured()
    labels = heart_._labels
    before = heart_.walls.insertion_on(MID)
    for z in range(labels.shape[1]):
        labels[0, z, :, :36][labels[0, z, :, :36] == 3] = 0
        beside = np.zeros_like(labels[0, z], bool)
        beside[8:22, 20:50] = True
        labels[0, z][beside & (labels[0, z] == 0)] = 3
        heart_.update(SliceIndex(0, z))
    after = heart_.walls.insertion_on(MID)
    assert np.linalg.norm(after.rv_anterior - before.rv_anterior) > 10
