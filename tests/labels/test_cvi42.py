"""cvi42 workspaces: the structure that the open pipelines of UK Biobank read."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import Border
from napari_cardiac_ssl.geometry.image_names import first_shown
from napari_cardiac_ssl.readers.labels.cvi42 import read_cvi42
from napari_cardiac_ssl.readers.labels.registry import LabelsWarning, read_labels_at
from napari_cardiac_ssl.study import SliceIndex

BASE = "http://www.circlecvi.com/cvi42/Workspace"


def ring(x: float, y: float, radius: float, fineness: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    points = np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)]
    return np.rint(points * fineness)


def contour(name: str, points: np.ndarray, fineness: int | None) -> str:
    listed = "".join(
        f'<List:item List:type="QPoint"><Point:x>{x:.0f}</Point:x><Point:y>{y:.0f}</Point:y>'
        "</List:item>"
        for x, y in points
    )
    steps = f'<Hash:item Hash:key="SubpixelResolution">{fineness}</Hash:item>' if fineness else ""
    return (
        f'<Hash:item Hash:key="{name}" Hash:count="8">{steps}'
        '<Hash:item Hash:key="Closed">true</Hash:item>'
        f'<Hash:item Hash:key="Points" List:count="{len(points)}">{listed}</Hash:item>'
        "</Hash:item>"
    )


def workspace(path: Path, images: dict[str, list[str]], head: str = "") -> Path:
    states = "".join(
        f'<Hash:item Hash:key="{uid}"><Hash:item Hash:key="Annotations"/>'
        f'<Hash:item Hash:key="Contours">{"".join(contours)}</Hash:item></Hash:item>'
        for uid, contours in images.items()
    )
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        f'<Workspace:Workspace xmlns:Workspace="{BASE}/" xmlns:Hash="{BASE}/Hash/" '
        f'xmlns:List="{BASE}/List/" xmlns:Point="{BASE}/Point/">'
        '<Hash:item Hash:key="StudyMapStates"><List:item><Hash:item Hash:key="ImageStates">'
        f"{states}</Hash:item></List:item></Hash:item></Workspace:Workspace>"
    )
    return path


@pytest.fixture
def uids(study) -> dict[SliceIndex, str]:
    return {index: instance.sop_uid for instance, index in first_shown(study).items()}


def test_contours_come_in_on_their_images(study, uids, tmp_path):
    at = SliceIndex(1, 2)
    file = workspace(
        tmp_path / "p1.cvi42wsx",
        {
            uids[at]: [
                contour("saendocardialContour", ring(27, 30, 7, 4), 4),
                contour("saepicardialContour", ring(27, 30, 12, 4), 4),
                contour("sarvendocardialContour", ring(46, 30, 6, 2), 2),
                contour("sapapilMuscleContour", ring(27, 30, 2, 4), 4),
            ],
            "1.2.3.4.5": [contour("saendocardialContour", ring(9, 9, 4, 1), None)],
        },
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mask = read_labels_at(file, like=study)
    text = " ".join(str(one.message) for one in said if one.category is LabelsWarning)
    assert "1 contour of other kinds left aside (sapapilMuscleContour)" in text
    assert "1 contour left aside: of images that are not in the SAX stack" in text
    assert np.argwhere(mask.labels.any(axis=(2, 3))).tolist() == [list(at)]
    assert mask.labels[at][30, [27, 37, 46, 58]].tolist() == [1, 2, 3, 0]
    areas = [(mask.labels[at] == code).sum() for code in (1, 2, 3)]
    assert np.allclose(areas, np.pi * np.array([49, 144 - 49, 36]), rtol=0.08)  # pixels
    endo = next(c for c in mask.contours if c.border is Border.ENDOCARDIUM)
    assert np.array_equal(endo.points, ring(27, 30, 7, 4) / 4)


def test_open_contours_and_those_of_long_axes_have_names_too(study, uids, tmp_path):
    names = ["saendocardialOpenContour", "laepicardialContour", "lalaContour", "laraContour"]
    radii = [3, 6, 4, 4]
    places = [(27, 20), (27, 20), (20, 48), (45, 48)]
    drawn = [
        contour(name, ring(*place, radius, 4), 4)
        for name, place, radius in zip(names, places, radii, strict=True)
    ]
    found = read_cvi42(workspace(tmp_path / "w.xml", {uids[SliceIndex(0, 0)]: drawn}), study)
    assert set(np.unique(found.labels)) == {0, 1, 2, 4, 5}


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x SYSTEM "other.xml">',
    ],
)
def test_entities_and_other_files_are_refused(head, study, uids, tmp_path):
    drawn = [contour("saendocardialContour", ring(27, 30, 7, 4), 4)]
    file = workspace(tmp_path / "w.cvi42wsx", {uids[SliceIndex(0, 0)]: drawn}, head)
    with pytest.raises(InputError, match="not a cvi42 workspace in XML"):
        read_cvi42(file, study)


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (contour("saendocardialContour", ring(27, 30, 7, 4), 1), "outside its image of 60 x 64"),
        (contour("saendocardialContour", ring(27, 30, 7, 4), 999), "SubpixelResolution is 999"),
        (contour("saendocardialContour", ring(27, 30, 7, 4)[:2], 4), "no contour of an image"),
        ("<Hash:item", "not a cvi42 workspace in XML"),
    ],
)
def test_what_cannot_be_right_is_refused(drawn, why, study, uids, tmp_path):
    file = workspace(tmp_path / "w.cvi42wsx", {uids[SliceIndex(0, 0)]: [drawn]})
    with pytest.raises(InputError, match=why):
        read_cvi42(file, study)


def test_a_binary_workspace_is_to_be_exported_as_xml(study, tmp_path):
    (tmp_path / "w.cvi42ws").write_bytes(b"\0\1\2\3")
    with pytest.raises(InputError, match=r"export it as \.cvi42wsx"):
        read_labels_at(tmp_path / "w.cvi42ws", like=study)


def test_it_needs_the_dicom_images(images, tmp_path):
    file = workspace(tmp_path / "w.cvi42wsx", {"1.2": []})
    with pytest.raises(InputError, match="--study"):
        read_cvi42(file, None)
    with pytest.raises(InputError, match="by their SOPInstanceUID"):
        read_cvi42(file, images)
