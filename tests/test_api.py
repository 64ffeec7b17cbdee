"""The public face: few names, on the package itself, loaded when they are used."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_cardiac_ssl
from napari_cardiac_ssl import api
from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.synthetic import make_study


def test_the_package_has_the_names_of_the_api() -> None:
    assert list(napari_cardiac_ssl._PUBLIC) == api.__all__
    for name in api.__all__:
        assert getattr(napari_cardiac_ssl, name) is getattr(api, name)
    assert set(api.__all__) <= set(dir(napari_cardiac_ssl))
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = napari_cardiac_ssl.no_such_name


def test_importing_the_package_loads_nothing_large() -> None:
    code = (
        "import sys, napari_cardiac_ssl; "
        "print([m for m in ('numpy', 'torch', 'nibabel', 'napari') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_from_an_image_to_numbers_with_one_import(tmp_path: Path) -> None:
    import napari_cardiac_ssl as cardiac

    made = make_study(1, frames=2, slices=5, size=96, lax=False)
    stack, truth = made.study.stack(View.SAX), made.masks[View.SAX]
    image = cardiac.write_mask(tmp_path / "truth.nii.gz", truth, like=stack, scheme="acdc")
    mask = cardiac.read_labels(image, like=stack)
    np.testing.assert_array_equal(mask.labels, truth)
    drawn = cardiac.ExpertSlices(stack, mask.labels, (cardiac.SliceIndex(t=0, z=2),))
    model = cardiac.learn([drawn], start=cardiac.shipped_model(), steps=2)
    labels, confidence = cardiac.predict(model, stack)
    assert labels.shape == confidence.shape == stack.image.shape
    heart = cardiac.measure(labels, stack)
    assert heart.lv_edv_ml > heart.lv_esv_ml > 0
    mass = cardiac.measure(truth, stack, papillary="mass")
    assert mass.lv_edv_ml <= cardiac.measure(truth, stack).lv_edv_ml
    assert mass.papillary == "mass"
    path = cardiac.write_mask(tmp_path / "s.nii.gz", labels, like=stack, predicted_by="mine")
    review = read_mask(path).review
    assert review
    assert (review.word, review.model) == ("unreviewed", "mine")
    page = cardiac.write_report(tmp_path / "p.html", labels, stack, predicted_by="mine")
    assert "Unreviewed." in page.read_text(encoding="utf-8")
    with pytest.raises(cardiac.InputError, match="no weights ship for LAX_3CH"):
        cardiac.shipped_model("LAX_3CH")
