"""The same pixels, however they are stored: compressed, in other byte orders, with other bits."""

import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study

from .made_dicom import cine, frame, write


@pytest.fixture(scope="module")
def sax() -> Stack:
    return make_study(3, frames=3, slices=3, size=40, lax=False).study.stack(View.SAX)


def unsigned(ds: Dataset) -> np.ndarray:
    """Make pixels of 12 bits without a sign; return them."""
    ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 0, 12, 11
    return np.frombuffer(ds.PixelData, np.uint16).reshape(ds.Rows, ds.Columns)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_pixels(sax: Stack, tmp_path: Path, syntax: UID) -> None:
    images = cine(sax)
    for ds in images:
        unsigned(ds)
        ds.compress(syntax, generate_instance_uid=False)
    read = read_study(write(tmp_path / "s", images)).stacks[0]
    np.testing.assert_array_equal(read.image, sax.image)


def test_lossless_jpeg(sax: Stack, tmp_path: Path) -> None:
    gdcm = pytest.importorskip("gdcm")
    folder = write(tmp_path / "s", cine(sax))
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), None
        reader.SetFileName(str(file))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(file))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == JPEGLosslessSV1
    np.testing.assert_array_equal(read_study(folder).stacks[0].image, sax.image)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_other_byte_orders(sax: Stack, tmp_path: Path, syntax: UID) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    for number, ds in enumerate(cine(sax)):
        little = syntax != ExplicitVRBigEndian
        if not little:
            ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.file_meta.TransferSyntaxUID = syntax
        ds.save_as(folder / f"{number}", enforce_file_format=True)
    stack = read_study(folder).stacks[0]
    np.testing.assert_array_equal(stack.image, sax.image)
    np.testing.assert_allclose(stack.affine, sax.affine, atol=1e-3)


def test_files_without_a_preamble(sax: Stack, tmp_path: Path) -> None:
    for number, ds in enumerate(cine(sax)):
        del ds.file_meta
        ds["PixelData"].VR = "OW"
        ds.save_as(tmp_path / f"{number}", implicit_vr=True, little_endian=True)
    np.testing.assert_array_equal(read_study(tmp_path).stacks[0].image, sax.image)


def overlaid(ds: Dataset) -> np.ndarray:
    """Draw into the bits above those that are stored, as overlays once were."""
    pixels = unsigned(ds).copy()
    pixels[:, 10:15] |= 1 << 12
    pixels[20:25] |= 1 << 14
    return pixels


def native(ds: Dataset) -> None:
    ds.PixelData = overlaid(ds).tobytes()


def by_jpeg_2000(ds: Dataset) -> None:
    """Encode all 16 bits, those of the overlay with them."""
    buffer = BytesIO()
    picture = Image.fromarray(overlaid(ds))
    picture.save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
    ds.PixelData = encapsulate([buffer.getvalue()])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless


def without_sign_extension(ds: Dataset) -> None:
    pixels = unsigned(ds).astype(int) - 300
    ds.PixelData = (pixels & 0xFFF).astype("<u2").tobytes()
    ds.PixelRepresentation, ds.RescaleIntercept, ds.RescaleSlope = 1, 300, 1


@pytest.mark.parametrize("store", [native, by_jpeg_2000, without_sign_extension])
def test_only_stored_bits_are_pixels(
    sax: Stack, tmp_path: Path, store: Callable[[Dataset], None]
) -> None:
    images = cine(sax)
    for ds in images:
        store(ds)
    read = read_study(write(tmp_path / "s", images)).stacks[0]
    np.testing.assert_array_equal(read.image, sax.image)


def test_a_series_of_which_one_slice_is_compressed(sax: Stack, tmp_path: Path) -> None:
    images = cine(sax)
    for ds in images[:3]:
        ds.compress(RLELossless, generate_instance_uid=False)
    copies = [frame(sax, t, 1, images[3].SeriesInstanceUID) for t in range(3)]
    for ds in copies:  # a copy is one by what it shows, however it is stored
        ds.compress(RLELossless)
    study = read_study(write(tmp_path / "s", images + copies))
    np.testing.assert_array_equal(study.stacks[0].image, sax.image)
    assert any("3 DICOM files that are copies" in note for note in study.notes)


def test_a_folder_called_dl_hides_nothing(tmp_path: Path) -> None:
    """GDCM looks for a module of that name; Python looks where it was started."""
    (tmp_path / "dl").mkdir()
    code = "import napari_cardiac_ssl.readers.studies, sys; assert 'dl' not in sys.modules"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), check=False
    )
    assert said.returncode == 0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_decoders_do_no_harm_to_what_is_compressed_after_them() -> None:
    """GDCM brings a zlib of its own: with it loaded first, the first .gz ended the process."""
    code = (
        "import napari_cardiac_ssl.readers.dicom, gzip, io;"
        "data = bytes(range(256)) * 20_000;"
        "packed = gzip.compress(data);"
        "assert gzip.decompress(packed) == data"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
