"""patchc: a memory-aware graph compiler from ONNX CNNs to C for microcontrollers.

The calls below are what the commands do; see their docstrings. `verify` and `report` are the calls;
the packages of these names are reached by `from patchc.report.data import Report` and the like.
"""

# They come after the packages of their names, which patchc.api has imported by then, and so stand
# for the calls.
from patchc.api import (
    CompileResult,
    align,
    bench,
    compile,
    dump,
    explore,
    inspect,
    quantize,
    report,
    run,
    tunnel,
    verify,
)
from patchc.errors import BudgetError, PatchcError
from patchc.version import __version__

__all__ = [
    "BudgetError",
    "CompileResult",
    "PatchcError",
    "__version__",
    "align",
    "bench",
    "compile",
    "dump",
    "explore",
    "inspect",
    "quantize",
    "report",
    "run",
    "tunnel",
    "verify",
]
