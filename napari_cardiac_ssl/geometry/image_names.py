"""How contour files call the slice that they are drawn on."""

import re
from collections import Counter
from collections.abc import Iterable

from napari_cardiac_ssl.study import DicomInstance, DicomSource, SliceIndex, Stack

#: Letters, then one or more numbers: 48, IM0048, IM-0001-0048. No UID, whose numbers say nothing.
_NUMBERED = re.compile(r"(?:[A-Za-z]+[-_ ]?)?(?:\d{1,6}[-_])*(\d{1,6})", re.ASCII)

#: MR Image Storage: one file, one image.
_SINGLE = {"1.2.840.10008.5.1.4.1.1.4"}


def number_in(name: str) -> int | None:
    """Return the number that a file's name ends in, if it is one that tells images apart.

    Examples
    --------
    >>> [number_in(name) for name in ("48", "IM-0001-0048", "MR000048", "1.2.840.48", "scan")]
    [48, 48, 48, None, None]
    """
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found else None


def first_shown(stack: Stack) -> dict[DicomInstance, SliceIndex]:
    """Return every instance of a stack, and the first slice that shows it.

    One that stands in the place of a missing frame is shown again; empty for other files.
    """
    source = stack.source
    found: dict[DicomInstance, SliceIndex] = {}
    if isinstance(source, DicomSource):
        for t, slices in enumerate(source.instances):
            for z, instance in enumerate(slices):
                found.setdefault(instance, SliceIndex(t, z))
    return found


def is_part(instance: DicomInstance) -> bool:
    """Tell whether an instance is one of the frames of a multi-frame file, not a file of its own.

    Files of a single frame may describe it as those of several do.
    """
    return instance.frame is not None and instance.sop_class_uid not in _SINGLE


def stem_of(instance: DicomInstance) -> str:
    """Return the name of an instance's file without its ending."""
    name = instance.path.name
    return re.sub(r"\.(dcm|dicom|ima)$", "", name, flags=re.IGNORECASE)


def image_names(stack: Stack) -> dict[SliceIndex, str]:
    """Return how contour files are to call each slice of a stack.

    By the number of its file, as ``IM-0001-0048``; where files have none that tell them apart, by
    the file's name; else by frame and slice, as ``t00-z03``.
    """
    names = {index: f"t{index.t:02}-z{index.z:02}" for index in stack.slice_indices()}
    shown = first_shown(stack)
    if any(is_part(instance) for instance in shown):
        return names
    stems = {index: stem_of(instance) for instance, index in shown.items()}
    numbers = {index: number_in(stem) for index, stem in stems.items()}
    if None not in numbers.values() and _distinct(numbers.values()):
        return names | {
            index: stem if stem.upper().startswith("IM-") else f"IM-0001-{numbers[index]:04}"
            for index, stem in stems.items()
        }
    return names | (stems if _distinct(stems.values()) else {})


def _distinct(values: Iterable[object]) -> bool:
    return max(Counter(values).values(), default=1) == 1
