"""Folders of NIfTI files: one study, its slices put together, its views told."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.nifti import DoubtWarning, read_stack
from napari_cardiac_ssl.readers.nifti_doubts import doubts_of
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.masks import write_map, write_mask


@pytest.fixture(scope="module")
def stacks() -> dict[View, Stack]:
    study = make_study(3, frames=4, slices=7, size=48).study
    return {stack.view: stack for stack in study.stacks}


def save(folder: Path, name: str, stack: Stack) -> None:
    write_map(folder / f"{name}.nii.gz", stack.image, like=stack, description="")


def slice_of(stack: Stack, z: int) -> Stack:
    affine = stack.affine.copy()
    affine[:3, 3] = stack.world_mm(np.array([0.0, 0, z]))
    return Stack(stack.image[:, z : z + 1], affine, frame_interval_s=stack.frame_interval_s)


def test_mnms2_layout_tells_la_by_its_plane(tmp_path: Path, stacks: dict[View, Stack]) -> None:
    for name, view in (("SA", View.SAX), ("LA", View.LAX_4CH)):
        save(tmp_path, f"002_{name}_CINE", stacks[view])
        for t, phase in ((0, "ED"), (2, "ES")):
            still = replace(stacks[view], image=stacks[view].image[t : t + 1], is_4d=False)
            save(tmp_path, f"002_{name}_{phase}", still)
            save(tmp_path, f"002_{name}_{phase}_gt", still)
    study = read_study(tmp_path)
    assert [(s.name, s.view) for s in study.stacks] == [
        (f"002_{name}_{phase}", view)
        for name, view in (("LA", View.LAX_4CH), ("SA", View.SAX))
        for phase in ("CINE", "ED", "ES")
    ]
    assert study.notes == ()


def test_planes_tell_where_names_say_nothing_or_less(
    tmp_path: Path, stacks: dict[View, Stack]
) -> None:
    for name, view in (("a", View.SAX), ("lax_b", View.LAX_2CH), ("c", View.LAX_4CH)):
        save(tmp_path, name, stacks[view])
    assert {s.name: s.view for s in read_study(tmp_path).stacks} == {
        "a": View.SAX, "lax_b": View.LAX_2CH, "c": View.LAX_4CH,
    }  # fmt: skip


def test_a_name_that_its_plane_contradicts_is_said(
    tmp_path: Path, stacks: dict[View, Stack]
) -> None:
    save(tmp_path, "sa", stacks[View.SAX])
    save(tmp_path, "2ch", stacks[View.LAX_2CH])
    save(tmp_path, "3ch", stacks[View.LAX_4CH])
    study = read_study(tmp_path)
    assert {s.name: s.view for s in study.stacks}["3ch"] is View.LAX_4CH
    assert any(note.startswith("3ch says LAX_3CH, but") for note in study.notes)


def test_files_of_one_slice_each_are_one_stack(tmp_path: Path, stacks: dict[View, Stack]) -> None:
    sax = stacks[View.SAX]
    numbers = [11, 9, 2, 30, 4, 100, 7]  # in no order
    for z, number in enumerate(numbers):
        save(tmp_path, f"sax_{number}", slice_of(sax, z))
    save(tmp_path, "4ch_15", stacks[View.LAX_4CH])
    study = read_study(tmp_path)
    assert len(study.stacks) == 2
    whole = study.stack(View.SAX)
    assert whole.image.shape == sax.image.shape
    # Whichever end is first: every voxel lies where it lay.
    step = 1 if np.allclose(whole.affine[:3, 2], sax.affine[:3, 2], atol=1e-3) else -1
    np.testing.assert_array_equal(whole.image, sax.image[:, ::step])
    first = sax.world_mm(np.array([0.0, 0, 0 if step == 1 else sax.slices - 1]))
    np.testing.assert_allclose(whole.affine[:3, 3], first, atol=1e-3)
    assert whole.frame_interval_s == pytest.approx(sax.frame_interval_s, rel=1e-4)
    [note] = study.notes
    assert "(7 files): one slice each, read as one stack of 7, slices" in note
    written = nib.load(write_mask(tmp_path / "m.nii", (whole.image > 50) * np.uint8(1), like=whole))
    np.testing.assert_allclose(written.affine, whole.affine, atol=1e-4)


def test_slices_with_one_missing_are_left_and_said(
    tmp_path: Path, stacks: dict[View, Stack]
) -> None:
    for z in (0, 1, 2, 4, 5, 6):
        save(tmp_path, f"sax_{z}", slice_of(stacks[View.SAX], z))
    study = read_study(tmp_path)
    assert len(study.stacks) == 6
    assert "(6 files): one slice each, not evenly spaced" in study.notes[0]
    assert "is one missing?" in study.notes[0]


def test_one_slice_at_two_times_is_no_stack(tmp_path: Path, stacks: dict[View, Stack]) -> None:
    one = slice_of(stacks[View.SAX], 3)
    for number in (1, 2):
        save(tmp_path, f"sax_{number}", one)
    study = read_study(tmp_path)
    assert len(study.stacks) == 2
    assert study.notes == (
        "sax_1 … sax_2 (2 files): one slice each, and by their headers at one place: not put "
        "together",
    )


def test_slices_that_cross_are_no_stack(tmp_path: Path, stacks: dict[View, Stack]) -> None:
    for number, view in enumerate((View.LAX_2CH, View.LAX_4CH)):
        save(tmp_path, f"plane_{number}", stacks[view])
    assert {s.slices for s in read_study(tmp_path).stacks} == {1}


def test_a_mask_by_its_voxels_is_no_view(tmp_path: Path, stacks: dict[View, Stack]) -> None:
    sax = stacks[View.SAX]
    save(tmp_path, "p1_cine", sax)
    labels = np.zeros(sax.image.shape, np.uint8)
    labels[:, 2:5, 10:30, 10:30] = 2
    save(tmp_path, "p1_heart", replace(sax, image=labels))
    study = read_study(tmp_path)
    assert [s.name for s in study.stacks] == ["p1_cine"]
    assert study.notes == ("p1_heart: only whole numbers up to 5, like a mask: left aside",)
    with pytest.warns(DoubtWarning, match="it looks like a mask, and is read as an image"):
        read_stack(tmp_path / "p1_heart.nii.gz")


# What is doubted


def stack(spacing: tuple[float, float, float], shape: tuple[int, ...], **fields: object) -> Stack:
    """Of spacing x, y, z and shape t, z, y, x; frames alike, slices not."""
    affine = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.3, -0.8, 1.9) * spacing)
    random = np.random.default_rng(0).normal(0, 100, (1, *shape[1:]))
    image = random + np.random.default_rng(1).normal(0, 5, shape)
    return Stack(image.astype(np.int16), affine, **fields)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (stack((1.4, 1.4, 8), (1, 1, 9, 9)), "one slice, and nothing says which view"),
        (stack((1.4, 1.4, 40), (1, 12, 9, 9)), "480 mm, more than a chest (limit 300 mm)"),
        (stack((1.4, 1.4, 0.8), (1, 12, 9, 9)), "slices 0.8 mm apart are finer than its pixels"),
        (stack((1.4, 1.4, 6), (1, 12, 9, 9), view=View.LAX_2CH), "it has 12 slices"),
        (stack((1.4, 1.4, 1.4), (1, 80, 9, 9)), "80 slices 1.4 mm apart: short-axis stacks have"),
        (stack((0.14, 0.14, 0.8), (1, 12, 9, 9)), "pixels of 0.14 x 0.14 mm, which no cine"),
        (stack((14, 14, 20), (1, 12, 9, 9)), "pixels of 14 x 14 mm, which no cine"),
        (stack((1.4, 1.4, 6), (200, 3, 9, 9)), "200 frames: more than a heartbeat has"),
        (
            Stack(
                stack((1.4, 1.4, 8), (9, 9, 16, 16)).image.swapaxes(0, 1),
                np.diag([1.4, 1.4, 8, 1]),
            ),
            "frames and slices seem to be exchanged",
        ),
    ],
)
def test_what_no_cine_has_is_said(one: Stack, said: str) -> None:
    [doubt] = doubts_of(one, view_said=False)
    assert said in doubt


def test_usual_stacks_are_not_doubted(stacks: dict[View, Stack]) -> None:
    for one in stacks.values():
        assert doubts_of(one, view_said=True) == []
    assert doubts_of(stack((1.4, 1.4, 8), (25, 12, 16, 16)), view_said=False) == []
    assert doubts_of(stack((0.8, 0.8, 5), (2, 20, 16, 16)), view_said=False) == []


def test_doubts_are_said_when_a_file_is_read(tmp_path: Path, stacks: dict[View, Stack]) -> None:
    save(tmp_path, "patient", slice_of(stacks[View.SAX], 3))
    with pytest.warns(DoubtWarning, match="one slice, and nothing says which view it shows"):
        assert read_stack(tmp_path / "patient.nii.gz").view is View.SAX
    [note] = read_study(tmp_path / "patient.nii.gz").notes
    assert note.startswith("patient: one slice")
    assert read_stack(tmp_path / "patient.nii.gz", view=View.LAX_4CH).view is View.LAX_4CH


def test_real_cases_are_not_doubted(real_data: Path) -> None:
    for path in sorted((real_data / "acdc" / "annotated").glob("*/*_ED.nii.gz")):
        assert read_study(path).notes == ()
    assert read_study(real_data / "pig" / "sax_4phases.nii.gz").notes == ()
    [note] = read_study(real_data / "pig" / "lax_stack_4phases.nii.gz").notes
    assert "called a long-axis view, but it has 14 slices" in note
