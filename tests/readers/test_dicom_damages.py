"""Valid studies, damaged as anonymisers, copies and people damage them: right, or said.

A study is drawn, then what happens to it. What comes out must be the right array (that of what is
left), or there must be a remark that names what is wrong. Damage to identifiers, names and places
of files alone must change nothing at all.

`CARDIAC_SSL_DAMAGES` says how many are tried.
"""

import copy
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.synthetic import make_study

from .made_dicom import frame

DAMAGES = int(os.environ.get("CARDIAC_SSL_DAMAGES", "120"))
FRAMES, SLICES = 8, 5
UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
#: What a remark says that names what is missing, or what is not to be believed.
NAMED = re.compile(
    "missing|left aside|order|no cine|frames where|more than|trigger times|mm apart|apart from|"
    "acquired again|not there"
)


@cache
def truth() -> Stack:
    return make_study(5, frames=FRAMES, slices=SLICES, size=24, lax=False).study.stack(View.SAX)


@dataclass
class Damaged:
    """Files of a study, and what was done to them."""

    images: list[Dataset]
    names: list[str]
    random: Random
    links: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    only_names: bool = True
    unpromised: bool = False


def study(one_series: bool, frame_time: bool, random: Random) -> Damaged:
    """All files of a cine; each slice a series of its own, or all of them one."""
    images = []
    for z in range(SLICES):
        series = "1.2.77" if one_series else f"1.2.77.{z}"
        for t in range(FRAMES):
            ds = frame(truth(), t, z, series)
            ds.CardiacNumberOfImages = FRAMES
            ds.SequenceName, ds.EchoTime, ds.FlipAngle = f"*tfi2d1_{10 + z}", 1.4, 55
            ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
            if one_series:
                ds.SeriesNumber, ds.InstanceNumber = 1, 1 + z * FRAMES + t
            if not frame_time:
                del ds.TriggerTime
            images.append(ds)
    return Damaged(images, [f"I{i:03}" for i in range(len(images))], random)


def some(d: Damaged) -> list[Dataset]:
    return d.random.sample(d.images, d.random.randint(1, len(d.images)))


def collapse(d: Damaged) -> None:
    tag = d.random.choice(UIDS)
    for ds in d.images:
        setattr(ds, tag, "1.2.3.4")


def scatter(d: Damaged) -> None:
    tag = d.random.choice(UIDS)
    for ds in d.images:
        setattr(ds, tag, generate_uid())


def scatter_among_few(d: Damaged) -> None:
    tag, few = d.random.choice(UIDS), [generate_uid() for _ in range(d.random.randint(2, 4))]
    for ds in some(d):
        setattr(ds, tag, d.random.choice(few))


def strip_identifier(d: Damaged) -> None:
    tag = d.random.choice((*UIDS, "PatientID", "SeriesDescription", "SeriesNumber", "ImageType"))
    for ds in d.images if d.random.random() < 0.5 else some(d):
        if tag in ds:
            delattr(ds, tag)


def strip_contrast(d: Damaged) -> None:
    tag = d.random.choice(("SequenceName", "EchoTime", "FlipAngle"))
    for ds in some(d):
        if tag in ds:
            delattr(ds, tag)


def rename(d: Damaged) -> None:
    d.random.shuffle(d.names)
    d.names = [f"{d.random.choice(('', 'a/', 'b/c/'))}{name}" for name in d.names]


def double(d: Damaged) -> None:
    """Copy some files, as they are or with another identifier."""
    tag = d.random.choice((None, "SOPInstanceUID", "SeriesInstanceUID"))
    for ds in some(d)[:10]:
        again = copy.deepcopy(ds)
        if tag:
            setattr(again, tag, generate_uid())
        d.images.append(again)
        d.names.append(f"copy{len(d.names)}")


def link(d: Damaged) -> None:
    d.links |= set(d.random.sample(range(len(d.images)), d.random.randint(1, len(d.images))))


def break_links(d: Damaged) -> None:
    d.only_names = False
    d.broken |= set(d.random.sample(range(len(d.images)), d.random.randint(1, 4)))


def strip_order(d: Damaged) -> None:
    """Strip what tells the order of frames, everywhere or here and there."""
    d.only_names = False
    tag = d.random.choice(("TriggerTime", "InstanceNumber"))
    for ds in d.images if d.random.random() < 0.5 else some(d):
        if tag in ds:
            delattr(ds, tag)


def strip_promise(d: Damaged) -> None:
    d.unpromised = True
    for ds in d.images:
        if "CardiacNumberOfImages" in ds:
            del ds.CardiacNumberOfImages


def drop(d: Damaged) -> None:
    d.only_names = False
    for _ in range(d.random.randint(1, 6)):
        number = d.random.randrange(len(d.images))
        if len(d.images) > 3:
            del d.images[number], d.names[number]
    d.links, d.broken = set(), set()


def drop_a_slice(d: Damaged) -> None:
    d.only_names = False
    place = (
        d.random.choice(d.images).ImagePositionPatient
        if "ImagePositionPatient" in d.images[0]
        else None
    )
    kept = [i for i, ds in enumerate(d.images) if ds.get("ImagePositionPatient") != place]
    if kept:
        d.images, d.names = [d.images[i] for i in kept], [d.names[i] for i in kept]
    d.links, d.broken = set(), set()


def shuffle_times(d: Damaged) -> None:
    """Exchange the trigger times of one slice's frames."""
    d.only_names = False
    place = d.random.choice(d.images).get("ImagePositionPatient")
    here = [
        ds for ds in d.images if ds.get("ImagePositionPatient") == place and "TriggerTime" in ds
    ]
    times = [ds.TriggerTime for ds in here]
    d.random.shuffle(times)
    for ds, time in zip(here, times, strict=True):
        ds.TriggerTime = time


def repeat_times(d: Damaged) -> None:
    d.only_names = False
    for ds in some(d):
        if "TriggerTime" in ds:
            ds.TriggerTime = "0"


def strip_place(d: Damaged) -> None:
    d.only_names = False
    tag = d.random.choice(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    for ds in some(d)[: d.random.randint(1, 9)]:
        if tag in ds:
            delattr(ds, tag)


def lose_pixels(d: Damaged) -> None:
    d.only_names = False
    for ds in d.random.sample(d.images, min(3, len(d.images))):
        ds.PixelData = ds.PixelData[:100]


OPERATIONS: list[Callable[[Damaged], None]] = [
    collapse, scatter, scatter_among_few, strip_identifier, strip_contrast, rename, double, link,
    break_links, strip_order, strip_promise, drop, drop_a_slice, shuffle_times, repeat_times,
    strip_place, lose_pixels,
]  # fmt: skip


def written(d: Damaged, where: Path) -> Path:
    folder, store = where / "study", where / "store"
    store.mkdir()
    folder.mkdir()
    for number, (ds, name) in enumerate(zip(d.images, d.names, strict=True)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if number in d.links | d.broken:
            kept = store / f"{number}"
            path.symlink_to(kept)
            if number in d.broken:
                continue
            path = kept
        ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "1.2.3")
        ds.save_as(path, enforce_file_format=True)
    return folder


def is_right(read: Study, d: Damaged) -> bool:
    """Tell whether there is one stack, with the right pixels of the right moments and places.

    Slices may be gone where those that are left are evenly apart, as nothing tells of others; and
    frames where no header promises any.
    """
    if len(read.stacks) != 1 or read.stacks[0].view is not View.SAX:
        return False
    stack, true = read.stacks[0], truth()
    places = {true.image[t, z].tobytes(): (t, z) for t in range(FRAMES) for z in range(SLICES)}
    at = np.full((stack.frames, stack.slices, 2), -1)
    for t in range(stack.frames):
        for z in range(stack.slices):
            pixels = np.ascontiguousarray(stack.image[t, z], dtype=true.image.dtype).tobytes()
            at[t, z] = places.get(pixels, (-1, -1))
    times, slices = at[:, 0, 0], at[0, :, 1]
    regular = (at[..., 0] == times[:, None]).all() and (at[..., 1] == slices[None]).all()
    if not regular or (at < 0).any() or (np.diff(times) <= 0).any():
        return False
    if len(times) < FRAMES and not d.unpromised:
        return False
    return all(
        np.allclose(
            stack.world_mm(np.array([x, 0, z])), true.world_mm(np.array([x, 0, at])), atol=0.1
        )
        for z, at in enumerate(slices)
        for x in (0.0, 20.0)
    )


@settings(max_examples=DAMAGES, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    one_series=st.booleans(),
    frame_time=st.booleans(),
    what=st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
)
def test_what_is_damaged_is_right_or_said(
    one_series: bool, frame_time: bool, what: list[Callable[[Damaged], None]], seed: int
) -> None:
    damaged = study(one_series, frame_time, Random(seed))
    for operation in what:
        operation(damaged)
    with tempfile.TemporaryDirectory() as where:
        read = outcome(written(damaged, Path(where)))
    if isinstance(read, str):
        assert not damaged.only_names, read
        assert "\n" not in read
        return
    right = is_right(read, damaged)
    said = [note for note in read.notes if "copies of others" not in note]
    shapes = [(stack.name, stack.image.shape) for stack in read.stacks]
    assert right or not damaged.only_names, (shapes, read.notes)
    assert right or any(map(NAMED.search, said)), (shapes, read.notes)


def outcome(folder: Path) -> Study | str:
    try:
        return read_study(folder)
    except InputError as error:
        return str(error)
