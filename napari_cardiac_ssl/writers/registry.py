"""All kinds of files that work leaves as, in the order in which they are offered.

A new kind is a file in this folder that ends with its `Writer`, and an entry here.
"""

from napari_cardiac_ssl.writers import landmarks, masks, measurements, model, provenance, report
from napari_cardiac_ssl.writers.labels.registry import FORMATS

WRITERS = {
    writer.key: writer
    for writer in (
        masks.WRITER,
        measurements.WRITER,
        provenance.WRITER,
        report.WRITER,
        model.WRITER,
        landmarks.WRITER,
        # Masks are written as NIfTI already.
        *(one.writer() for key, one in FORMATS.items() if key != "nifti"),
    )
}
