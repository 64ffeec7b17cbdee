"""One page for each study: contours, volumes over time, wall thickness, numbers, doubts."""

from napari_cardiac_ssl.writers.report.page import Report, Source, report_of, write_report

__all__ = ["Report", "Source", "report_of", "write_report"]
