"""What was made, as data (report.json) and as tables."""

from patchc.report.build import Facts, build_report
from patchc.report.data import Report
from patchc.report.text import render, to_text

__all__ = ["Facts", "Report", "build_report", "render", "to_text"]
