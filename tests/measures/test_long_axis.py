"""Long-axis views: areas, lengths, area-length volumes."""

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures.long_axis import area_length_ml, lv_length_mm, view_areas_mm2
from napari_cardiac_ssl.synthetic import make_study


def ellipse(
    along_mm: float, across_mm: float, turned_deg: float, pixel_mm: tuple[float, float]
) -> np.ndarray:
    """An LV cavity in a myocardium, and an atrium over the upper third of its axis."""
    y, x = (np.indices((160, 160)) - 79.5) * np.array(pixel_mm)[:, None, None]
    turn = np.deg2rad(turned_deg)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    labels = np.zeros((160, 160), np.uint8)
    labels[np.hypot(along / (along_mm + 8), across / (across_mm + 8)) < 1] = 2
    labels[np.hypot(along / along_mm, across / across_mm) < 1] = 1
    labels[(along < -along_mm / 2) & (labels > 0)] = 4
    return labels


@pytest.mark.parametrize("turned_deg", [0, 35, 90, 200])
@pytest.mark.parametrize("pixel_mm", [(1.0, 1.0), (1.3, 0.9)])
def test_the_length_goes_from_the_mitral_plane_to_the_apex(
    turned_deg: float, pixel_mm: tuple[float, float]
) -> None:
    labels = ellipse(48.0, 25.0, turned_deg, pixel_mm)
    affine = np.diag([pixel_mm[1], pixel_mm[0], 8.0, 1.0])
    assert lv_length_mm(labels, affine) == pytest.approx(72, abs=1.5)
    without = np.where(labels == 4, 0, labels)
    assert lv_length_mm(without, affine) == pytest.approx(72, abs=1.5)
    assert view_areas_mm2(labels, affine)[Structure.LEFT_ATRIUM] > 500
    closed = np.where(labels == 4, 2, labels)  # no mitral plane: from end to end, corner to apex
    assert lv_length_mm(closed, affine) == pytest.approx(np.hypot(72, 25 * 0.75**0.5), abs=1.5)
    assert np.isnan(lv_length_mm(np.zeros_like(labels), affine))


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_area_length_comes_near_the_heart_s_volume(seed: int) -> None:
    made = make_study(seed, frames=2, slices=3)
    for t, volume_ml in enumerate(made.lv_volume_ml):
        parts = []
        for view in (View.LAX_2CH, View.LAX_4CH):
            labels, affine = made.masks[view][t, 0], made.study.stack(view).affine
            area = view_areas_mm2(labels, affine)[Structure.LV_CAVITY]
            parts.append((area, lv_length_mm(labels, affine)))
        (a2, l2), (a4, l4) = parts
        assert area_length_ml(a2, a4, l2, l4) == pytest.approx(volume_ml, rel=0.06)


def test_no_cavity_no_volume() -> None:
    with pytest.raises(InputError, match="must be above 0"):
        area_length_ml(0, 100, 80, 80)
