"""What the example needs beside patchc, asked for before anything is begun."""

from __future__ import annotations

import importlib

from patchc.errors import PatchcError

PACKAGES = {"torch": "PyTorch", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


def require(*modules: str) -> None:
    """Raises PatchcError where a module cannot be imported."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise PatchcError(
                f"{PACKAGES.get(module, module)} is needed here and not installed: "
                "pip install 'patchc[train]'"
            ) from error
