"""Whatever is wrong with a file of labels, it is said in a line, or the labels are read."""

import warnings

import numpy as np
import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.labels.registry import read_labels_at
from napari_cardiac_ssl.writers.labels.format import Drawing
from napari_cardiac_ssl.writers.labels.registry import FORMATS

from .test_cvi42 import contour, ring, workspace


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    part = bytearray(content)
    way = rng.integers(3)
    if way == 0:
        return bytes(part[: rng.integers(len(part))])
    first = rng.integers(min(len(part), 6000)) if rng.random() < 0.8 else rng.integers(len(part))
    if way == 1:
        for place in range(first, min(len(part), first + int(rng.integers(1, 5)))):
            part[place] = rng.integers(256)
    else:
        part[first : first + int(rng.integers(1, 9))] = b"9" * int(rng.integers(0, 12))
    return bytes(part)


@pytest.mark.parametrize("key", ["seg-nrrd", "dicom-seg", "contours", "itk-snap", "cvi42"])
def test_random_damage(key, study, seen, tmp_path):
    if key == "cvi42":
        uid = study.source.instances[0][1].sop_uid
        drawn = [contour("saendocardialContour", ring(27, 30, 7, 4), 4)]
        file = path = workspace(tmp_path / "w.cvi42wsx", {uid: drawn})
    else:
        path = tmp_path / f"p1{FORMATS[key].ending}"
        seen[1] = 0
        written = FORMATS[key].write(path, Drawing(seen, study))
        file = written[-1] if key in {"contours", "itk-snap"} else written[0]
        path = file if key == "seg-nrrd" else path
    content = file.read_bytes()
    rng, said = np.random.default_rng(0), []
    for _ in range(150):
        file.write_bytes(damaged(content, rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                mask = read_labels_at(path, like=study, allow_empty=True)
            except InputError as error:
                said.append(str(error))
            else:
                assert mask.labels.shape == study.image.shape
    assert said
    assert not [line for line in said if "\n" in line]
