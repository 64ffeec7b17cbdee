"""The present model out."""

from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.writers.work import Choice, Work, Writer


def _write(path: Path, work: Work, _: Choice) -> tuple[Path, ...]:
    if work.model is None:
        raise InputError("no model yet; train first")
    with replacing(path) as beside:
        beside.write_bytes(work.model.data)
    return (path,)


WRITER = Writer(
    "model",
    "Model",
    "The present model, to predict or to go on from.",
    "_model.safetensors",
    _write,
    offered=lambda work: work.model is not None,
)
