"""patchc: a memory-aware graph compiler from ONNX CNNs to C for microcontrollers.

The calls below are what the commands do; see their docstrings. `verify` is the call; the package of
that name is reached by `from patchc.programs.host import build` and the like.
"""

# `verify` comes after the package of that name, which
# patchc.api has imported by then, and so stands for the call.
from patchc.api import (
    CompileResult,
    align,
    bench,
    compile,
    dump,
    explore,
    inspect,
    quantize,
    run,
    tunnel,
    verify,
)
from patchc.errors import PatchcError
from patchc.version import __version__

__all__ = [
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
    "run",
    "tunnel",
    "verify",
]
