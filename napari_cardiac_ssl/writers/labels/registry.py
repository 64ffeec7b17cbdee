"""All formats that labels go out in.

A new format is a file in this folder that ends with its `LabelFormat`, and an entry here: then
`cardiac-ssl convert` writes it, and the window's export offers it.
"""

from napari_cardiac_ssl.writers.labels import contour_text, dicom_seg, nifti, seg_nrrd

FORMATS = {
    one.key: one
    for one in (
        nifti.NIFTI,
        nifti.ITK_SNAP,
        dicom_seg.FORMAT,
        contour_text.FORMAT,
        seg_nrrd.FORMAT,
    )
}
