"""The command positions: right wherever the study lies, and clear where it cannot be."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from skimage.io import imread

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.geometry.planes import Plane
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import SyntheticStudy, make_study
from napari_cardiac_ssl.writers.masks import write_map

Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]
NAMES = {View.SAX: "sa", View.LAX_2CH: "la_2ch", View.LAX_4CH: "la_4ch"}


@pytest.fixture(scope="module")
def made() -> SyntheticStudy:
    return make_study(21, frames=2, slices=7, size=176)


def stored(stack: Stack, flips: tuple[int, ...], transposed: bool) -> Stack:
    """Return the stack with axes reversed (x 0, y 1, z 2) and x and y exchanged, where it was."""
    affine, image = stack.affine.copy(), stack.image
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (image.shape[3 - axis] - 1)
        affine[:3, axis] *= -1
        image = np.flip(image, 3 - axis)
    if transposed:
        affine[:3, [0, 1]] = affine[:3, [1, 0]]
        image = image.swapaxes(2, 3)
    return Stack(image, affine, stack.view, stack.name)


def write_views(folder: Path, stacks: list[Stack]) -> Path:
    """Write views under UK Biobank's names, with a mask beside them."""
    for stack in stacks:
        file = folder / f"{NAMES[stack.view]}.nii.gz"
        write_map(file, stack.image, like=stack, description="")
    mask = np.ones(stacks[0].image.shape, np.uint8)
    write_map(folder / f"seg_{NAMES[stacks[0].view]}.nii.gz", mask, like=stacks[0], description="")
    return folder


def truth_mm(made: SyntheticStudy, plane: Plane) -> dict[int, np.ndarray]:
    """Where the nine boxes are on a slice, from the body that was scanned alone."""
    depth = plane.distance_mm(made.lv_centre_mm) / (made.long_axis @ plane.normal)
    centre = made.lv_centre_mm - depth * made.long_axis
    along_2ch = np.cross(made.plane_normals[View.LAX_2CH], made.long_axis)
    along_2ch *= np.sign(along_2ch @ np.cross(made.rv_direction, made.long_axis))
    steps = {2: 1, 3: 2, 4: -1, 5: -2}
    u4 = {code: centre + 24 * n * made.rv_direction for code, n in steps.items()}
    u2 = {code + 4: centre + 24 * n * along_2ch for code, n in steps.items()}
    return {1: centre} | u4 | u2


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("flips", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_boxes_are_where_the_body_says_in_every_orientation(
    do: Do, tmp_path: Path, made: SyntheticStudy, flips: tuple[int, ...], transposed: bool
) -> None:
    stacks = [stored(stack, flips, transposed) for stack in made.study.stacks]
    folder, file = write_views(tmp_path / "v", stacks), tmp_path / "positions.nii.gz"
    do("positions", folder, "-o", file)
    written, sax = nib.load(file), stacks[0]
    assert written.get_data_dtype() == np.uint8
    assert written.shape == sax.image.shape[:0:-1]
    np.testing.assert_allclose(written.affine, sax.affine, atol=1e-4)
    labels = np.asarray(written.dataobj).T
    for z in range(sax.slices):
        wanted = truth_mm(made, Plane.of_slice(sax, z))
        for code, place in wanted.items():
            if code in (1, 3, 5, 7, 9):  # boxes that no other overlaps
                yx = np.argwhere(labels[z] == code)
                at = np.append(yx.mean(axis=0)[::-1], z)
                assert np.linalg.norm(sax.world_mm(at) - place) < 0.5


def test_a_folder_of_views_has_them_by_name_and_no_masks(
    tmp_path: Path, made: SyntheticStudy
) -> None:
    folder = write_views(tmp_path / "v", list(made.study.stacks))
    for name in ("cine_3ch", "p1_SAX_gt", "label_sa_ED", "sa_positions", "la_2ch_seg"):
        sax = made.study.stacks[0]
        write_map(folder / f"{name}.nii.gz", sax.image, like=sax, description="")
    read = {stack.name: stack.view for stack in read_study(folder).stacks}
    assert read == {
        "sa": View.SAX,
        "la_2ch": View.LAX_2CH,
        "la_4ch": View.LAX_4CH,
        "cine_3ch": View.SAX,  # as its plane says
    }
    assert any("cine_3ch says LAX_3CH, but" in note for note in read_study(folder).notes)


def test_what_synth_writes_is_a_study(do: Do, tmp_path: Path) -> None:
    do("synth", tmp_path, "--seed", 5)
    folder = tmp_path / "synthetic-0005"
    said = json.loads(do("info", folder, "--json")[0])
    assert [part["view"] for part in said["series"]] == ["LAX_2CH", "LAX_4CH", "SAX"]
    assert said["missing"] == []
    for view in ("SAX", "LAX_4CH"):
        file = tmp_path / f"{view}.nii"
        said = json.loads(do("positions", folder, "--view", view, "-o", file, "--json")[0])
        assert said["planes_from"] == "views"
        assert 110 <= said["angle_deg"] <= 130
        assert set(np.unique(np.asarray(nib.load(file).dataobj))) == set(range(10))


def landmark_file(path: Path, made: SyntheticStudy, name: str) -> Path:
    points = {key: point.tolist() for key, point in made.landmarks.items()}
    path.write_text(json.dumps({"another": points, name: points}))
    return path


@pytest.mark.parametrize("of", ["folder", "ED", "ES", "moved"])
def test_landmarks_are_found_by_folder_and_by_name(
    do: Do, tmp_path: Path, made: SyntheticStudy, of: str
) -> None:
    """A patient's folder with ED, ES and their masks, a file in it, and a file elsewhere."""
    sax = made.study.stack(View.SAX)
    folder = tmp_path / ("elsewhere" if of == "moved" else "p7")
    for t, phase in enumerate(("ED", "ES")):
        one = Stack(sax.image[t : t + 1], sax.affine, is_4d=False)
        write_map(folder / f"p7_{phase}.nii.gz", one.image, like=one, description="")
        mask = made.masks[View.SAX][t : t + 1]
        write_map(folder / f"p7_{phase}_gt.nii.gz", mask, like=one, description="")
    study = {"folder": folder, "moved": folder / "p7_ED.nii.gz"}.get(of, folder / f"p7_{of}.nii.gz")
    file = tmp_path / "out.nii.gz"
    points = landmark_file(tmp_path / "landmarks.json", made, "p7")
    _, err = do("positions", study, "--landmarks", points, "-o", file)
    assert ("2 SAX stacks; the first is used: p7_ED" in err) == (of == "folder")
    labels, lv = np.asarray(nib.load(file).dataobj).T, made.masks[View.SAX][0] == 1
    middle = [z for z in range(sax.slices) if lv[z].any()][1:-1]
    assert np.mean([lv[z][labels[z] == 1].mean() for z in middle]) > 0.95


def test_pictures_show_traces_and_boxes(do: Do, tmp_path: Path, made: SyntheticStudy) -> None:
    folder = write_views(tmp_path / "v", list(made.study.stacks))
    picture, pictures = tmp_path / "all.png", tmp_path / "each"
    do("positions", folder, "-o", tmp_path / "p.nii", "--png", picture)
    out, _ = do("positions", folder, "-o", tmp_path / "p.nii", "--png", pictures)
    assert len(out.splitlines()) == 1 + 7 == 1 + len(list(pictures.iterdir()))
    whole, tile = imread(picture), imread(pictures / "sa_slice_03.png")
    side = tile.shape[0]
    assert whole.shape == (3 * side, 3 * side, 3)
    np.testing.assert_array_equal(whole[side : 2 * side, :side], tile)
    coloured = (tile.max(axis=2) > tile.min(axis=2)).mean()
    assert 0.01 < coloured < 0.2
    do("positions", folder, "--view", "LAX_4CH", "-o", tmp_path / "p.nii", "--png", picture)
    assert imread(picture).shape == (side, side, 3)


def test_a_centre_out_of_view_is_said(do: Do, tmp_path: Path, made: SyntheticStudy) -> None:
    """A stack that leans to the side loses the long axis somewhere."""
    sax, *others = made.study.stacks
    affine = sax.affine.copy()
    affine[:3, 2] += 36 * affine[:3, 0]
    affine[:3, 3] -= 3 * 36 * affine[:3, 0]
    folder = write_views(tmp_path / "v", [replace(sax, affine=affine), *others])
    _, err = do("positions", folder, "-o", tmp_path / "p.nii.gz")
    assert "the centre is outside the field of view; undefined (255) there" in err
    labels = np.asarray(nib.load(tmp_path / "p.nii.gz").dataobj).T
    undefined = (labels == 255).all(axis=(1, 2))
    assert undefined.any()
    assert not undefined[3]
    assert not (labels[~undefined] == 255).any()


def test_what_cannot_be_told_is_refused_with_numbers(
    refuse: Refuse, tmp_path: Path, made: SyntheticStudy
) -> None:
    sax, two, four = made.study.stacks
    file = tmp_path / "p.nii.gz"

    def refused(*stacks: Stack, options: tuple[object, ...] = ()) -> str:
        folder = tmp_path / f"s{len(list(tmp_path.iterdir()))}"
        return refuse("positions", write_views(folder, list(stacks)), "-o", file, *options)

    assert "no LAX_4CH view" in refused(sax, two)
    assert "no LAX_2CH and no LAX_4CH view" in refused(sax)
    assert "no SAX stack; found LAX_2CH, LAX_4CH" in refused(two, four)
    parallel = Stack(two.image, four.affine, View.LAX_2CH)
    assert "no LAX_2CH view" in refused(sax, parallel, four)  # by its plane it is another 4CH
    away = four.affine.copy()
    away[:3, 3] += 400 * made.plane_normals[View.LAX_4CH]
    line = refused(sax, two, Stack(four.image, away, View.LAX_4CH))
    assert "mm or more outside the field of view of every slice" in line
    with_landmarks = ("--landmarks", landmark_file(tmp_path / "l.json", made, "p7"))
    line = refused(sax, two, options=with_landmarks)
    assert "has no study 's" in line
    assert "(it has another, p7, …)" in line
    assert not file.exists()


def test_frames_of_reference_that_differ_are_refused(made: SyntheticStudy) -> None:
    from napari_cardiac_ssl.errors import InputError
    from napari_cardiac_ssl.geometry.frame import frame_of
    from napari_cardiac_ssl.study import DicomSource, Study

    sax, two, four = (
        replace(stack, source=DicomSource(Path("s"), reference_uid="1.2.3.45"))
        for stack in made.study.stacks
    )
    assert frame_of(Study("s", (sax, two, four))).towards_rv @ made.rv_direction > 0.99
    elsewhere = replace(four, source=DicomSource(Path("s"), reference_uid="1.2.3.46"))
    moved = Study("s", (sax, two, elsewhere))
    with pytest.raises(InputError, match=r"different frames of reference .*3\.45.*3\.46"):
        frame_of(moved)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "not a landmark file"),
        ('{"p": 3}', "not a landmark file"),
        ('{"p": {"lv_base": [0, 0, 0]}}', "study 'p': missing landmark lv_apex, rv_lateral"),
        (
            '{"p": {"lv_base": [0, 0, 0], "lv_apex": [0, 0, 9], "rv_lateral": [60, 0, 0]}}',
            "9.0 mm apart (at least 20 are needed)",
        ),
        (
            '{"p": {"lv_base": [0, 0, 0], "lv_apex": ["x"], "rv_lateral": [60, 0, 0]}}',
            "must be three finite numbers",
        ),
    ],
)
def test_landmark_files_that_are_none(
    refuse: Refuse, tmp_path: Path, made: SyntheticStudy, content: str, words: str
) -> None:
    points = tmp_path / "l.json"
    points.write_text(content)
    folder = write_views(tmp_path / "p", [made.study.stacks[0]])
    line = refuse("positions", folder, "--landmarks", points, "-o", tmp_path / "o.nii")
    assert words in line
    assert "no such file" in refuse(
        "positions", tmp_path / "nothing", "--landmarks", points, "-o", tmp_path / "o.nii"
    )
    assert "cannot be read" in refuse(
        "positions", folder, "--landmarks", tmp_path / "none.json", "-o", tmp_path / "o.nii"
    )


def test_the_open_case(do: Do, tmp_path: Path, real_data: Path) -> None:
    """Box 1 is bright blood on every slice that shows the LV; 3 lies to the patient's right."""
    file = tmp_path / "p.nii.gz"
    do("positions", real_data / "multiview" / "dicom", "-o", file)
    labels = np.asarray(nib.load(file).dataobj).T
    sax = read_study(real_data / "multiview" / "dicom").stack(View.SAX)
    for z in range(1, 5):
        image = sax.image[0, z]
        blood = 0.5 * np.percentile(image[labels[z] > 0], 90)
        assert np.mean(image[labels[z] == 1] > blood) > 0.95
        middle = {
            code: sax.world_mm(np.append(np.argwhere(labels[z] == code).mean(axis=0)[::-1], z))
            for code in range(1, 10)
        }
        assert middle[3][0] > middle[2][0] > middle[1][0] > middle[4][0] > middle[5][0]
        assert middle[7][2] > middle[6][2] > middle[8][2] > middle[9][2]
