"""One fault each, put into a heart that has none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_cardiac_ssl.anatomy import ACDC, Structure, View
from napari_cardiac_ssl.measures import AnatomyWarning, Check, Measured
from napari_cardiac_ssl.readers.nifti import read_mask
from napari_cardiac_ssl.synthetic import make_study

AFFINE = np.diag([2.0, 2.0, 8.0, 1.0])


@pytest.fixture
def labels() -> np.ndarray:
    """A cone with its base at z = 0, and an RV at its left: one frame of nine slices."""
    frame = np.zeros((1, 9, 48, 48), np.uint8)
    y, x = np.indices((48, 48)) - 24.0
    for z in range(9):
        radius = 10 - 0.6 * z
        beside = (np.hypot(y, x + radius) < radius + 4) & (x < 0)
        frame[0, z][beside] = 3
        frame[0, z][np.hypot(y, x) < radius + 4] = 2
        frame[0, z][np.hypot(y, x) < radius] = 1
    return frame


def warnings_of(labels: np.ndarray) -> tuple[AnatomyWarning, ...]:
    return Measured(labels, AFFINE).warnings()


def test_a_sound_heart_has_none(labels: np.ndarray) -> None:
    assert warnings_of(labels) == ()
    assert warnings_of(np.zeros_like(labels)) == ()


def open_ring(labels: np.ndarray) -> None:
    labels[0, 5, 20:29, 24:][labels[0, 5, 20:29, 24:] == 2] = 0


def leave_a_gap(labels: np.ndarray) -> None:
    labels[0, 4:6][labels[0, 4:6] == 3] = 0


def spike(labels: np.ndarray) -> None:
    labels[0, 4][labels[0, 4] == 1] = 2
    labels[0, 4, 22:26, 22:26] = 1


def second_piece(labels: np.ndarray) -> None:
    labels[0, 6, 2:6, 40:44] = 1


def hole(labels: np.ndarray) -> None:
    labels[0, 7, 22:25, 22:25] = 0


def contact(labels: np.ndarray) -> None:
    labels[0, 5, 20:28, :24][labels[0, 5, 20:28, :24] == 2] = 1


def cut(labels: np.ndarray) -> None:
    labels[0, 3, :20, 24] = 2


@pytest.mark.parametrize(
    ("break_", "check", "z", "structure", "number", "words"),
    [
        (open_ring, Check.LEAK, 5, Structure.LV_CAVITY, 22.5, "22% of the LV cavity's border"),
        (leave_a_gap, Check.GAP, 4, Structure.RV_CAVITY, 2, "no RV cavity on slices 4 to 5, but"),
        (spike, Check.JUMP, 4, Structure.LV_CAVITY, 516, "smaller than on both neighbours"),
        (second_piece, Check.PIECES, 6, Structure.LV_CAVITY, 64, "in 2 pieces; the second is 64"),
        (hole, Check.HOLE, 7, None, 36, "36 mm² inside the LV or the RV have no label"),
        (contact, Check.CONTACT, 5, None, 18, "touch along 18 mm"),
        (cut, Check.CUT, 3, Structure.MYOCARDIUM, 0, "reaches the image's border"),
    ],
)
def test_a_fault_is_found_where_it_is(  # noqa: PLR0917 - one fault, all of its answers
    labels: np.ndarray,
    break_: Callable[[np.ndarray], None],
    check: Check,
    z: int,
    structure: Structure | None,
    number: float,
    words: str,
) -> None:
    break_(labels)
    found = {(w.check, w.structure): w for w in warnings_of(labels)}
    warning = found[check, structure]
    assert (warning.t, warning.z) == (0, z)
    assert warning.number == pytest.approx(number, abs=1)
    assert words in str(warning)
    assert str(warning).startswith(f"frame 0, slice {z}: ")


def test_faults_move_with_the_slices(labels: np.ndarray) -> None:
    contact(labels)
    there = warnings_of(labels)
    back = warnings_of(labels[:, ::-1])
    assert [w.z for w in there] == [8 - w.z for w in reversed(back)]
    assert {w.check for w in there} == {w.check for w in back}


def test_the_base_may_be_open(labels: np.ndarray) -> None:
    labels[0, 0, 20:29, 24:][labels[0, 0, 20:29, 24:] == 2] = 0  # a horseshoe
    labels[0, 1, 22:26][labels[0, 1, 22:26] == 3] = 0  # an RV in two pieces
    assert warnings_of(labels) == ()


def test_es_larger_than_ed(labels: np.ndarray) -> None:
    two = np.concatenate([labels, labels])
    two[0, 4][two[0, 4] == 1] = 2
    measured = Measured(two, AFFINE)
    [warning] = [w for w in measured.warnings(phases=(0, 1)) if w.check is Check.ES_LARGER]
    assert (warning.t, warning.z, warning.structure) == (1, None, Structure.LV_CAVITY)
    assert str(warning).startswith("frame 1: the LV cavity is larger at ES (")
    assert not [w for w in measured.warnings(phases=(1, 0)) if w.check is Check.ES_LARGER]
    assert not [w for w in measured.warnings(phases=(0, None)) if w.check is Check.ES_LARGER]


@pytest.mark.parametrize("seed", range(6))
def test_synthetic_hearts_have_none(seed: int) -> None:
    made = make_study(seed, frames=3, slices=11, lax=False)
    measured = Measured(made.masks[View.SAX], made.study.stack(View.SAX).affine)
    assert measured.warnings(phases=measured.phases()) == ()


def test_expert_contours_have_none(real_data: Path) -> None:
    files = sorted((real_data / "acdc" / "annotated").rglob("*_gt.nii.gz"))
    assert len(files) == 40
    for file in files:
        mask = read_mask(file, scheme=ACDC)
        measured = Measured(mask.labels, mask.affine, orientation_known=mask.orientation_known)
        assert measured.warnings() == (), file.name


def test_contours_known_to_be_wrong_are_found(real_data: Path) -> None:
    """The pig's automatic contours are wrong at the base, as its description says."""
    mask = read_mask(real_data / "pig" / "sax_4phases_auto_lv.nii.gz")
    found = Measured(mask.labels, mask.affine).warnings()
    assert {warning.z for warning in found} >= {17, 18}
