"""The front end: ONNX files (QDQ, QOperator, float with calibration data) -> Graph."""

from patchc.frontend.importer import cut_before, find_unsupported, import_model, not_in_the_c
from patchc.frontend.model import Border, HostOps, ImportedModel
from patchc.frontend.refusal import Unsupported

__all__ = [
    "Border",
    "HostOps",
    "ImportedModel",
    "Unsupported",
    "cut_before",
    "find_unsupported",
    "import_model",
    "not_in_the_c",
]
