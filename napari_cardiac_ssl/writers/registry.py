"""All kinds of files that work leaves as, in the order in which they are offered.

A new kind is a file in this folder that ends with its `Writer`, and an entry here.
"""

from napari_cardiac_ssl.writers import landmarks, masks, measurements, model, provenance, report

WRITERS = {
    writer.key: writer
    for writer in (
        masks.WRITER,
        measurements.WRITER,
        provenance.WRITER,
        report.WRITER,
        model.WRITER,
        landmarks.WRITER,
    )
}
