"""One page for each study: contours, volumes over time, wall thickness, numbers, doubts."""

from napari_cardiac_ssl.writers.report.of_work import WRITER
from napari_cardiac_ssl.writers.report.page import Report, Source, report_of, write_report

__all__ = ["WRITER", "Report", "Source", "report_of", "write_report"]
