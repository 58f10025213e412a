"""patchc: a memory-aware graph compiler from ONNX CNNs to C for microcontrollers.

The calls below are what the commands do; see their docstrings. `verify` and `report` are the calls;
the packages of these names are reached by `from patchc.report.data import Report` and the like.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from patchc.errors import BudgetError, PatchcError, Way
from patchc.version import __version__

if TYPE_CHECKING:
    from patchc.api import (
        CompileResult,
        align,
        bench,
        compile,
        dump,
        explore,
        fits,
        fits_all,
        inspect,
        quantize,
        report,
        run,
        tunnel,
        verify,
    )

__all__ = [
    "BudgetError",
    "CompileResult",
    "PatchcError",
    "Way",
    "__version__",
    "align",
    "bench",
    "compile",
    "dump",
    "explore",
    "fits",
    "fits_all",
    "inspect",
    "quantize",
    "report",
    "run",
    "tunnel",
    "verify",
]


class _Calls(ModuleType):
    """This module: the calls are looked up in patchc.api, which is imported for the first of them,
    as it takes seconds that `patchc --help` need not."""

    def __getattr__(self, name: str) -> Any:
        if name not in (*__all__, "api"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        api = import_module("patchc.api")
        return api if name == "api" else getattr(api, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Python makes a package that was imported an attribute of its parent. Some of them are
        # called like the call that they serve, which the name stands for.
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Calls
