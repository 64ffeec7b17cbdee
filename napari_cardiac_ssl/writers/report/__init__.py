"""One page for each study: contours, volumes over time, wall thickness, numbers, doubts."""

from napari_cardiac_ssl.writers.report.page import Report, Source, write_report

__all__ = ["Report", "Source", "write_report"]
