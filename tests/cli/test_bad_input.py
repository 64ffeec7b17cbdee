"""Each bad input: one line, exit code 2, and no half-written file."""

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

Refuse = Callable[..., str]
#: What each bad image is refused for.
IMAGES = {
    "missing": "no such file; check the name",
    "truncated": "truncated, copy it again",
    "truncated voxels": "it is truncated or damaged",
    "empty": "the file is empty; copy or export it again",
    "text for gzip": "not a NIfTI file",
    "damaged gzip": "the compressed data are damaged",
    "2-D": "2-D; an image is 3-D",
    "5-D": "5-D; an image is 3-D",
    "not a number": "7 of 20,480 voxels are not finite",
    "infinite": "all voxels are not finite",
    "constant": "every voxel is 3; there is nothing to see",
    "zero spacing": "it must be positive and finite: correct the header's pixdim",
    "absurd spacing": "correct its transforms, pixdim or unit of length",
    "colours": "the voxels are RGB colours",
    "folder": "no NIfTI",
}
#: What each bad mask is refused for.
MASKS = {
    "another shape": "one was cropped, and does not say where",
    "a frame of it": "give a mask with all 2 frames",
    "elsewhere": "export it on the image's own grid",
    "unknown integer": "unknown integer 9 in the mask; the scheme 'acdc' knows 0 background",
    "no label": "a mask without any label; name one with labelled slices",
    "the image": "not a mask",
    "probabilities": "voxels are not whole numbers",
    "empty": "the file is empty",
    "missing": "no such file",
}


def save(path: Path, array: np.ndarray, like: nib.Nifti1Image, **fields: object) -> Path:
    """Write with nibabel, then set header fields as they stand on disk."""
    nib.save(nib.Nifti1Image(array, like.affine), path)
    content = path.read_bytes()
    header = np.frombuffer(content[:348], nib.nifti1.header_dtype).copy()
    for field, value in fields.items():
        header[field] = value
    path.write_bytes(header.tobytes() + content[348:])
    return path


def bad_image(kind: str, good: Path, folder: Path) -> Path:
    like = nib.load(good)
    array, packed = (
        like.get_fdata(dtype=np.float32),
        gzip.compress(gzip.decompress(good.read_bytes())),
    )
    path = folder / "cœur 1.nii"
    written = {
        "truncated": packed[: len(packed) // 2],
        "truncated voxels": gzip.decompress(packed)[:-100],
        "empty": b"",
        "text for gzip": b"Dear colleague, please find the images attached." * 20,
        "damaged gzip": packed[:-4] + bytes(byte ^ 255 for byte in packed[-4:]),
    }
    if kind in written:
        path.write_bytes(written[kind])
    elif kind == "folder":
        path.mkdir()
    elif kind == "2-D":
        save(path, array[..., 0], like)
    elif kind == "5-D":
        save(path, np.stack([array] * 2, -1)[..., None, :], like)
    elif kind == "not a number":
        array.flat[:7] = np.nan
        save(path, array, like)
    elif kind in {"infinite", "constant"}:
        save(path, np.full_like(array, np.inf if kind == "infinite" else 3), like)
    elif kind == "zero spacing":
        save(path, array, like, pixdim=[1, 1.5, 0, 8, 0, 0, 0, 0])
    elif kind == "absurd spacing":
        save(path, array, like, xyzt_units=1)
    elif kind == "colours":
        save(path, array, like, datatype=128)
    return path


def bad_mask(kind: str, case: object, folder: Path) -> Path:
    like = nib.load(case.mask)
    array = np.asarray(like.dataobj).astype(np.float32)
    path = folder / "masque é.nii"
    if kind == "another shape":
        save(path, array[:-1], like)
    elif kind == "elsewhere":
        moved = like.affine.copy()
        moved[0, 3] += 20
        nib.save(nib.Nifti1Image(array, moved), path)
    elif kind == "unknown integer":
        array[2, 3, 1] = 9
        save(path, array, like)
    elif kind == "no label":
        save(path, array * 0, like)
    elif kind == "the image":
        save(path, nib.load(case.image).get_fdata() - 1000, like)
    elif kind == "probabilities":
        save(path, array / 3, like)
    elif kind == "empty":
        path.write_bytes(b"")
    return path


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("command", ["info", "finetune", "predict"])
def test_bad_images(refuse: Refuse, case, tmp_path: Path, command: str, kind: str) -> None:
    path, out = bad_image(kind, case.image, tmp_path), tmp_path / "out"
    output = out / "m.safetensors"
    arguments = {
        "info": (path,),
        "predict": (case.model, path, "-o", out, "--confidence"),
        "finetune": ("--images", path, "--labels", case.mask, "--steps", 1, "-o", output),
    }
    line = refuse(command, *arguments[command])
    assert str(path) in line
    if kind != "folder" or command == "info":
        assert IMAGES[kind] in line
    assert not out.exists()


@pytest.mark.parametrize("kind", MASKS)
def test_bad_masks_are_not_learned_from(refuse: Refuse, case, tmp_path: Path, kind: str) -> None:
    output, image = tmp_path / "m.safetensors", case.image
    mask = bad_mask(kind, case, tmp_path)
    if kind == "a frame of it":
        mask, image = case.mask, case.cine
    line = refuse(
        "finetune",
        "--images",
        image,
        "--labels",
        mask,
        "--scheme",
        "acdc",
        "--steps",
        1,
        "-o",
        output,
    )
    assert MASKS[kind] in line
    assert str(mask) in line
    assert not output.exists()


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        (role, kind)
        for role in ("prediction", "reference")
        for kind in MASKS
        if kind != "a frame of it"
        # A prediction may be empty: what it missed is what is measured.
        and (role, kind) != ("prediction", "no label")
    ],
)
def test_bad_masks_are_not_evaluated(
    refuse: Refuse, case, tmp_path: Path, role: str, kind: str
) -> None:
    mask, table = bad_mask(kind, case, tmp_path), tmp_path / "scores.csv"
    pair = [mask, case.mask] if role == "prediction" else [case.mask, mask]
    line = refuse(
        "evaluate", pair[0], "--reference", pair[1], "--scheme", "acdc", "--csv", table, "--json"
    )
    assert MASKS[kind] in line
    assert str(mask) in line
    assert not table.exists()


def test_slices_without_any_label_teach_nothing(refuse: Refuse, case, tmp_path: Path) -> None:
    labels = np.asarray(nib.load(case.mask).dataobj).copy()
    labels[..., 1] = 0
    mask = save(tmp_path / "a.nii", labels, nib.load(case.mask))
    output = tmp_path / "m.safetensors"
    files = ("--images", case.image, "--labels", mask, "--scheme", "acdc", "-o", output)
    line = refuse("finetune", *files, "--from", "scratch", "--slices", "1", "--steps", "1")
    assert "no annotated slice holds a structure" in line
    assert not output.exists()


@pytest.mark.parametrize(
    ("without", "words"),
    [("x", "write slices as in 2,4,6"), ("5", "has 0 to 4"), ("0,1,2,3,4", "leaves no slice"),
     ("0:1", "write slices"), ("", "write slices")],
)  # fmt: skip
def test_slices_that_cannot_be_left_out(refuse: Refuse, case, without: str, words: str) -> None:
    line = refuse("evaluate", case.mask, "--reference", case.mask, f"--without={without}")
    assert words in line


@pytest.mark.parametrize(
    ("extent", "words"),
    [(["x"], "'x' is no extent; write the first and the last slice with heart as 2-9"),
     (["3-1"], "3-1 is not within the image's slices 0 to 4, first before last"),
     (["0-5"], "0-5 is not within the image's slices 0 to 4"),
     (["1:0-3"], "no frame 1; the image has 1"),
     (["0-3,1-3"], "'0-3' is no extent"),
     (["3-4"], "slice 2 of frame 0 is labelled and lies outside --extent 3-4; widen the extent"),
     (["0-4", "1-4"], "2 extents for 1 image")],
)  # fmt: skip
def test_extents_that_cannot_be(refuse: Refuse, case, tmp_path: Path, extent, words) -> None:
    output = tmp_path / "m.safetensors"
    files = ("--images", case.image, "--labels", case.mask, "--scheme", "acdc", "-o", output)
    line = refuse("finetune", *files, "--slices", "2", "--steps", "1", "--extent", *extent)
    assert words in line
    assert not output.exists()


def places(folder: Path) -> list[Path]:
    """Folders that nothing can be written in, for root neither."""
    file = folder / "file"
    file.write_text("a file, not a folder")
    return [file, file / "deeper", *([Path("/proc/nowhere")] if sys.platform == "linux" else [])]


@pytest.mark.parametrize("which", range(3))
def test_unwritable_outputs(refuse: Refuse, case, tmp_path: Path, which: int) -> None:
    places_here = places(tmp_path)
    if which >= len(places_here):
        pytest.skip("no /proc here")
    place = places_here[which]
    learn = ("finetune", "--images", case.image, "--labels", case.mask, "--steps", 1)
    evaluate = ("evaluate", case.mask, "--reference", case.mask)
    for arguments in (
        (*learn, "-o", place / "m.safetensors"),
        ("predict", case.model, case.image, "-o", place),
        (*evaluate, "--csv", place / "scores.csv"),
        ("synth", place),
    ):
        line = refuse(*arguments)
        assert str(place) in line
        assert "choose another place" in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_outputs_that_are_folders(refuse: Refuse, case, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    model.mkdir()
    files = ("--images", case.image, "--labels", case.mask)
    assert "it is a folder; name a file" in refuse("finetune", *files, "-o", model)
    line = refuse("evaluate", case.mask, "--reference", case.mask, "--csv", tmp_path)
    assert "it is a folder; name a file" in line
    assert not list(model.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no limits on files there")
def test_no_room(shell, case, tmp_path: Path) -> None:
    # A limit on the size of files stands in for a full disk: every write beyond it fails.
    code = (
        "import resource, sys; from napari_cardiac_ssl.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "image, mask, model = sys.argv[1:]\n"
        "learn = ['finetune', '--images', image, '--labels', mask, '--from', model]\n"
        "print(main([*learn, '--scheme', 'acdc', '--steps', '1', '-o', 'out/m.safetensors']))\n"
        "print(main(['predict', model, image, '-o', 'out', '--confidence']))\n"
        "print(main(['evaluate', mask, '--reference', mask, '--csv', 'out/s.csv']))\n"
        "print(main(['synth', 'out']))\n"
    )
    process = shell(case.image, case.mask, case.model, code=code)
    said, wrong = process.communicate(timeout=600)
    lines = [line for line in wrong.splitlines() if line.startswith("cardiac-ssl")]
    assert said.split() == ["2"] * 4, wrong
    assert "Traceback" not in wrong
    assert len(lines) == 4
    assert all("File too large" in line and "nothing was changed" in line for line in lines)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
