"""The words of the data sets that people have."""

from pathlib import Path

import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.file_names import is_mask_name, name_of, view_named

SAX, TWO, THREE, FOUR = View.SAX, View.LAX_2CH, View.LAX_3CH, View.LAX_4CH


@pytest.mark.parametrize(
    ("name", "view"),
    [
        # UK Biobank, as ukbb_cardiac lays it out
        ("sa", SAX), ("sa_ED", SAX), ("seg_sa_ES", SAX), ("la_2ch", TWO), ("la_3ch", THREE),
        ("seg_la_4ch_ED", FOUR), ("label_la_4ch_ES", FOUR),
        # ACDC says nothing
        ("patient001_4d", None), ("patient001_frame01_gt", None), ("patient004_ED", None),
        # M&Ms and M&Ms-2, whose LA is the 4CH view
        ("A0S9V9_sa", SAX), ("A0S9V9_sa_gt", SAX), ("002_SA_ED_gt", SAX), ("002_LA_ED", FOUR),
        ("002_LA_ES_gt", FOUR), ("002_LA_CINE", FOUR),
        # Kaggle
        ("sax_5", SAX), ("2ch_21", TWO), ("4ch_15", FOUR),
        # CineMA
        ("p1_sax_t", SAX), ("p1_lax_2c_ed", TWO), ("p1_lax_4c_t", FOUR), ("p1_lax_3c", THREE),
        # clinics
        ("HLA", FOUR), ("cine_vla", TWO), ("CINE 4 Chamber", FOUR), ("two_chamber_cine", TWO),
        ("short axis stack", SAX), ("LVOT", THREE), ("rvot_cine", View.RVOT),
        ("rv_2ch", View.RV_2CH), ("LAX4CH", FOUR), ("lax_stack", View.OTHER),
        ("long-axis", View.OTHER), ("la_1", View.OTHER),
        # no words of views
        ("patient4c0021", None), ("laura", None), ("visa_01", None), ("case_014", None),
    ],
)  # fmt: skip
def test_views(name: str, view: View | None) -> None:
    assert view_named(name) == view


def test_masks() -> None:
    masks = ("p_gt", "seg_sa_ED", "label_sa", "x-mask", "p_segmentation", "p1_confidence")
    assert all(is_mask_name(Path(f"{name}.nii.gz")) for name in masks)
    assert not any(is_mask_name(Path(f"{name}.nii.gz")) for name in ("segment7", "p1_ED", "sagt"))


def test_endings() -> None:
    assert [name_of(Path(f)) for f in ("a.nii", "a.NII.GZ", "a.hdr", "a.b.img.gz")] == [
        "a", "a", "a", "a.b",
    ]  # fmt: skip
