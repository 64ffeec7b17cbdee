"""Lists of files that belong together: by name where names tell, in order elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_cardiac_ssl.cli.pairing import PHASE, VIEW, paired
from napari_cardiac_ssl.errors import InputError

CALLED = ("the image", "the mask")
Do = Callable[..., tuple[str, str]]
Refuse = Callable[..., str]

#: How data sets call an image and its mask, or ED and ES, of one person; {} is the person.
LAYOUTS = {
    "ACDC": ("patient{}_ED.nii.gz", "patient{}_ED_gt.nii.gz", ""),
    "ACDC frames": ("patient{}_frame01_gt.nii.gz", "patient{}_frame12_gt.nii.gz", PHASE),
    "M&Ms-2": ("{0}/{0}_SA_ED_gt.nii.gz", "{0}/{0}_SA_ES_gt.nii.gz", PHASE),
    "UK Biobank": ("{}/sa_ED.nii.gz", "{}/seg_sa_ED.nii.gz", ""),
    "nnU-Net": ("imagesTr/case_{}_0000.nii.gz", "labelsTr/case_{}.nii.gz", ""),
    "other words": ("p{}_cine.nii.gz", "p{}_seg.nii.gz", ""),
    "CineMA": ("p{}_lax_2c_gt.nii.gz", "p{}_lax_4c_gt.nii.gz", VIEW),
    "ours": ("out/{}_sax_seg.nii.gz", "{}_sax_gt.nii.gz", ""),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    numbers=st.lists(st.integers(1, 999), min_size=2, max_size=6, unique=True),
    shuffle=st.randoms(use_true_random=False),
)
def test_any_order_is_paired_by_name(
    layout: str, numbers: list[int], shuffle: "st.randoms"
) -> None:
    first, second, differ = LAYOUTS[layout]
    people = [f"{number:03}" for number in numbers]
    images = [Path(first.format(person)) for person in people]
    masks = [Path(second.format(person)) for person in people]
    given_ = masks.copy()
    shuffle.shuffle(given_)
    assert paired(images, given_, called=CALLED, differ=differ) == masks


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mismatch_is_refused_and_shows_both(layout: str) -> None:
    first, second, differ = LAYOUTS[layout]
    images = [Path(first.format(person)) for person in ("002", "004")]
    masks = [Path(second.format(person)) for person in ("004", "007")]
    with pytest.raises(InputError) as caught:
        paired(images, masks, called=CALLED, differ=differ)
    line = str(caught.value)
    assert str(images[0]) in line
    assert str(masks[0]) in line
    assert f"which by name belongs to {images[1]}" in line


def test_a_pair_whose_names_say_two_people_is_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pair = [Path("patient002_ED_gt.nii")], [Path("patient004_ES_gt.nii")]
    assert paired(*pair, called=CALLED, differ=PHASE) == pair[1]
    assert "though their names say two" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["a.nii", "b.nii"], ["x.nii", "y.nii"]),
        (["before.nii", "after.nii"], ["mask1.nii", "mask2.nii"]),
        (["p/ED.nii"], ["q/contours.nii"]),
    ],
)
def test_order_is_kept_where_names_say_nothing(
    first: list[str], second: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    masks = [Path(name) for name in second]
    assert paired([Path(name) for name in first], masks, called=CALLED) == masks
    assert capsys.readouterr().err == ""


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    a, b, c = (tmp_path / f"{name}.nii" for name in "abc")
    link = tmp_path / "link.nii"
    a.touch()
    link.symlink_to(a)
    for images, masks in (([a], [a]), ([a, a], [b, c]), ([a, b], [c, c]), ([a], [link])):
        with pytest.raises(InputError, match="the same file twice"):
            paired(images, masks, called=CALLED)
    with pytest.raises(InputError, match="the same file twice"):
        paired([a, a], [b, b], called=CALLED)
    assert paired([a, a], [b, b], called=CALLED, again=True) == [b, b]


def test_commands_pair_by_name(do: Do, refuse: Refuse, case, tmp_path: Path) -> None:
    # Two people: the frames of one cine, under two names.
    files = {}
    for person in ("p1", "p2"):
        for role, file in (("image", case.image), ("mask", case.mask)):
            path = tmp_path / f"{person}_ED{'_gt' if role == 'mask' else ''}.nii.gz"
            path.write_bytes(file.read_bytes())
            files[person, role] = path
    images = files["p1", "image"], files["p2", "image"]
    masks = files["p2", "mask"], files["p1", "mask"]
    learn = ("finetune", "--images", *images, "--scheme", "acdc", "--from", case.model)
    rest = ("--steps", 1, "-o", tmp_path / "m.safetensors")
    _, err = do(*learn, "--labels", *masks, *rest)
    assert "paired by name, not in the order given: p1_ED.nii.gz with p1_ED_gt.nii.gz" in err
    line = refuse(*learn, "--labels", masks[0], case.cine_mask, *rest)
    assert f"which by name belongs to {images[1]}" in line
    line = refuse("measure", "--ed", masks[0], "--es", masks[0], "--scheme", "acdc")
    assert "the same file twice" in line
    _, err = do("evaluate", masks[0], "--reference", masks[0], "--scheme", "acdc")
    assert f"warning: {masks[0]} is compared with itself" in err
