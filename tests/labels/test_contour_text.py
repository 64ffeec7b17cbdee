"""Contours as text: whose image a file is, what its points are, what is refused."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from skimage.io import imread

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.geometry.contours import contours_of, filled
from napari_cardiac_ssl.geometry.image_names import first_shown, image_names
from napari_cardiac_ssl.readers.labels.contour_text import read_contour_text
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.writers.labels.contour_text import write_contour_text
from napari_cardiac_ssl.writers.labels.format import Drawing

SQUARE = "20 20\n30 20\n30.5 31.5\n20 31\n"


def renamed(folder: Path, name: str, to: Path) -> Path:
    """Copy a study's files under names with a number each."""
    to.mkdir()
    for number, file in enumerate(sorted(folder.iterdir()), start=1):
        shutil.copy(file, to / name.format(number))
    return to


@pytest.mark.parametrize("name", ["{}.dcm", "IM-0001-{:04}.dcm", "MR{:06}", "slice_{}.IMA"])
def test_images_are_told_by_the_numbers_of_their_files(name, folder, tmp_path):
    stack = read_study(renamed(folder, name, tmp_path / "numbered")).stack(View.SAX)
    places = {i.path.name: index for i, index in first_shown(stack).items()}
    contours = tmp_path / "contours"
    contours.mkdir()
    (contours / "IM-0001-0007-icontour-manual.txt").write_text(SQUARE)
    found = read_contour_text(contours, stack)
    [contour] = found.contours
    assert contour.index == places[name.format(7)]
    assert np.argwhere(found.labels.any(axis=(2, 3))).tolist() == [list(contour.index)]
    write_contour_text(tmp_path / "again", Drawing(found.labels, stack, found.contours))
    [again] = (tmp_path / "again").iterdir()
    assert again.name == "IM-0001-0007-icontour-manual.txt" or not name.startswith("IM")
    assert [line.split() for line in again.read_text().splitlines()] == [
        [f"{float(v):.2f}" for v in line.split()] for line in SQUARE.splitlines()
    ]


def test_images_without_numbers_in_their_names_are_told_by_their_instance_numbers(folder, tmp_path):
    (tmp_path / "named").mkdir()
    for number, file in enumerate(sorted(folder.iterdir()), start=1):
        image = pydicom.dcmread(file)
        image.InstanceNumber = 100 + number
        image.save_as(tmp_path / "named" / f"{image.SOPInstanceUID}.dcm")
    stack = read_study(tmp_path / "named").stack(View.SAX)
    file = tmp_path / "IM-0001-0103-ocontour-manual.txt"
    file.write_text(SQUARE)
    found = read_contour_text(file, stack)
    index = found.contours[0].index
    path = next(i.path for i, at in first_shown(stack).items() if at == index)
    assert pydicom.dcmread(path).InstanceNumber == 103
    assert found.notes == (
        "1 slice with an epicardium and no endocardium: all within it is taken for myocardium",
    )


def test_a_number_that_several_images_have_is_refused(study, tmp_path):
    file = tmp_path / "IM-0001-0002-icontour-manual.txt"  # each series counts from 1
    file.write_text(SQUARE)
    with pytest.raises(InputError, match="is the number of several images"):
        read_contour_text(file, study)


def test_names_tell_slices_apart(study, images):
    for stack in (study, images):
        names = image_names(stack)
        assert len(set(names.values())) == len(names) == 12


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 2\n3 4\n", "three or more lines"),
        ("1 2\n3 4\n5 x\n", "each line is to be two numbers"),
        ("1 2 3\n3 4 5\n5 6 7\n", "three or more lines of two numbers"),
        ("1 2\n3 nan\n5 6\n", "not finite"),
        ("1 2\n3 4\n5 640\n", "outside its image of 60 x 64 pixels"),
        ("", "three or more"),
    ],
)
def test_what_is_no_contour_is_refused(text, why, images, tmp_path):
    file = tmp_path / "t00-z01-icontour-manual.txt"
    file.write_text(text)
    with pytest.raises(InputError, match=why):
        read_contour_text(file, images)


def test_other_kinds_and_other_images_are_left_aside_and_said(images, tmp_path):
    for name in ("t00-z01-icontour", "t00-z01-p1contour", "t07-z01-icontour"):
        (tmp_path / f"{name}-manual.txt").write_text(SQUARE)
    found = read_contour_text(tmp_path, images)
    assert len(found.contours) == 1
    assert found.notes == (
        "1 contour of other kinds left aside",
        "1 contour left aside: of images that are not in the SAX stack stack",
    )


def test_contours_of_two_masks_do_not_mix(images, labels, tmp_path):
    write_contour_text(tmp_path / "c", Drawing(labels, images))
    with pytest.raises(InputError, match="holds contours already"):
        write_contour_text(tmp_path / "c", Drawing(labels, images))


def test_parts_and_holes_have_files_of_their_own(images, tmp_path):
    labels = np.zeros(images.image.shape, np.uint8)
    labels[0, 0, 5:30, 5:30], labels[0, 0, 10:20, 10:20], labels[0, 0, 40:45, 3:9] = 3, 0, 3
    files = write_contour_text(tmp_path / "c", Drawing(labels, images))
    assert sorted(file.name for file in files) == [
        "t00-z00-rvcontour-manual-2.txt",
        "t00-z00-rvcontour-manual-3.txt",
        "t00-z00-rvcontour-manual.txt",
    ]
    assert np.array_equal(read_contour_text(tmp_path / "c", images).labels, labels)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("person", ["SC-HF-I-01", "SC-HF-I-05"])
def test_published_contours_come_in_and_go_out_as_they_were(person, real_data, tmp_path):
    """They agree with the published masks, slice by slice, which follow two other rules."""
    published = real_data / "sunnybrook_dicom" / person
    (tmp_path / "dicom").mkdir()
    for file in (published / "dicom").iterdir():
        image = pydicom.dcmread(file)
        image.FrameOfReferenceUID = "1.2.3"  # each file has its own, which is another matter
        image.save_as(tmp_path / "dicom" / file.name)
    stack = read_study(tmp_path / "dicom").stack(View.SAX)
    found = read_contour_text(published / "contours", stack)
    assert len(found.contours) == len(list((published / "contours").iterdir()))
    for contour in found.contours:
        number, kind = re.search(r"-(\d{4})-([io])contour", contour.name).groups()
        ending = {"i": "lv", "o": "epi"}[kind]
        picture = imread(real_data / "sunnybrook" / person / f"{number}_{ending}.png")
        reference = (picture if picture.ndim == 2 else picture[..., 0]) > 0
        inside = filled([contour], reference.shape)
        dice = 2 * (inside & reference).sum() / (inside.sum() + reference.sum())
        assert dice >= 0.98, (contour.name, dice)
    labels = replace(stack, image=found.labels).image
    assert contours_of(labels, found.contours)[1] == 0
    written = write_contour_text(tmp_path / "out", Drawing(labels, stack, found.contours))
    for file in written:
        before = np.loadtxt(published / "contours" / file.name)
        assert np.abs(np.loadtxt(file) - before).max() <= 0.01
