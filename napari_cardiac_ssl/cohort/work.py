"""What is done with one study: predict, measure, report. It runs here or in a worker."""

import hashlib
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from napari_cardiac_ssl.anatomy import View, scheme_named
from napari_cardiac_ssl.cohort.finding import Listed
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import Model, model_from_bytes
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.measures import Papillary
from napari_cardiac_ssl.person import Person
from napari_cardiac_ssl.readers.landmarks import insertion_of
from napari_cardiac_ssl.readers.nifti import SAME_GRID_MM
from napari_cardiac_ssl.readers.nifti_geometry import stacks_apart_mm
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.review import predicted
from napari_cardiac_ssl.study import Stack, Study, in_time
from napari_cardiac_ssl.wording import count
from napari_cardiac_ssl.writers.masks import write_mask
from napari_cardiac_ssl.writers.measurements import Measurement
from napari_cardiac_ssl.writers.report import Source, report_of, write_report

DONE, FAILED = "done", "failed"
REPORT = "report.html"
Row = dict[str, object]


@dataclass(frozen=True)
class Recipe:
    """What is done with every study.

    Parameters
    ----------
    model
        The bytes of a short-axis model's file.
    called
        What users call the model.
    scheme
        Of the masks that are written; None: the one that the model was taught.
    out
        The cohort's folder; each study gets one in it.
    papillary
        Where papillary muscles are counted, a `Papillary` by its name.
    landmarks
        A landmark file's content: the RV's insertion points of studies that it knows.
    """

    model: bytes
    called: str
    scheme: str | None
    out: Path
    papillary: str = Papillary.CAVITY.value
    landmarks: Mapping[str, Any] = field(default_factory=dict)


def do(study: Listed, recipe: Recipe) -> Row:
    """Do one study; return its row. Whatever is wrong with it stands in the row.

    Its folder appears whole or not at all.
    """
    begun = time.monotonic()
    beside = recipe.out / f".{uuid.uuid4().hex}"
    try:
        beside.mkdir(parents=True)
        cells = _do(study, recipe, beside)
        _put_in_place(beside, recipe.out / study.name)
    except Exception as error:  # noqa: BLE001 - one study must not end the work on all others
        row: Row = {"status": FAILED, "reason": _reason(error)}
    else:
        row = {"status": DONE, "reason": "", **cells}
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    seconds = round(time.monotonic() - begun, 1)
    return {"study": study.name, **row, "seconds": seconds, "source": str(study.path)}


def _do(listed: Listed, recipe: Recipe, folder: Path) -> Mapping[str, object]:
    study = read_study(listed.path)
    stacks, asides = short_axis_of(study)
    model = _model(recipe.model)
    scheme = scheme_named(recipe.scheme or model.card.scheme)
    called = f"{recipe.called} ({model.digest[:12]})"
    masks, sources = [], []
    for stack in stacks:
        labels = scheme.sayable(predict_stack(model, stack)[0])
        name = f"{listed.name}_{stack.name}" if stack.series_uids else stack.name
        mask = write_mask(
            folder / f"{name}_seg.nii.gz",
            labels,
            like=stack,
            scheme=scheme,
            review=predicted(stack, called),
        )
        masks.append(labels)
        digest = hashlib.sha256(mask.read_bytes()).hexdigest()
        sources += [Source("image", stack.name, stack.digest), Source("mask", mask.name, digest)]
    both = in_time(stacks)
    person, remark = Person().completed(both.person)
    page = report_of(
        listed.name,
        both,
        np.concatenate(masks),
        scheme=scheme,
        sources=sources,
        notes=[*study.notes, *asides],
        review=predicted(both, called),
        body_surface_m2=person.body_surface_m2,
        sex=person.sex,
        person_remark=remark,
        papillary=Papillary(recipe.papillary),
        insertion=insertion_of(recipe.landmarks, listed.path),
    )
    write_report(folder / REPORT, page)
    names = [stack.name for stack in stacks for _ in range(stack.frames)]
    doubts = [(names[doubt.t], doubt) for doubt in page.warnings]
    return Measurement(both.name, page.measures, doubts, review=page.review).cells()


def short_axis_of(study: Study) -> tuple[list[Stack], list[str]]:
    """Return the short-axis stack that is measured, and in words what is left aside.

    The cine of the most slices; where there is none, ED and ES as two stacks of one grid.

    Raises
    ------
    InputError
        If there is no short-axis stack.
    """
    study.stack(View.SAX)  # says what there is instead
    sax = [stack for stack in study.stacks if stack.view is View.SAX]
    cines = [stack for stack in study.pictures_of(View.SAX) if stack.frames > 1]
    if cines:
        chosen = [max(cines, key=lambda stack: (stack.slices, stack.frames))]
    elif len(sax) == 2 and stacks_apart_mm(*sax) <= SAME_GRID_MM:
        chosen = sax
    else:
        chosen = [max(sax, key=lambda stack: stack.slices)]
    left = [stack.name for stack in sax if all(stack is not one for one in chosen)]
    said = f"{count(len(left), 'other short-axis stack')} left aside: {', '.join(left)}"
    return chosen, [said] if left else []


@lru_cache(maxsize=1)
def _model(data: bytes) -> Model:
    """Return the model of a file's bytes: built once in each process."""
    return model_from_bytes(data, "the cohort's model")


def _put_in_place(beside: Path, place: Path) -> None:
    """Give a study's folder its name; what a half-finished run left there goes."""
    if place.exists():
        old = place.with_name(f".{uuid.uuid4().hex}")
        place.rename(old)
        beside.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    else:
        beside.rename(place)


def _reason(error: Exception) -> str:
    if isinstance(error, InputError):
        said = str(error)
    elif isinstance(error, MemoryError):
        said = "does not fit into memory"
    else:
        said = f"{type(error).__name__}: {error}"
    return " ".join(said.split())
