"""The cores by name: every `Core` that a module of this folder holds."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import iter_modules

import patchc.targets
from patchc.errors import PatchcError
from patchc.targets.core import Core
from patchc.targets.parts import close_names, part_called

_DATA_FILES = ("cortex_", "riscv")  # their names begin so


def _found() -> list[Core]:
    """By architecture's number, as in Cortex-M7 and M33, the plain one before its sibling; Arm's
    first."""
    modules = (
        import_module(f"{patchc.targets.__name__}.{module.name}")
        for module in iter_modules(patchc.targets.__path__)
        if module.name.startswith(_DATA_FILES)
    )
    cores = (one for module in modules for one in vars(module).values() if isinstance(one, Core))
    return sorted({core.name: core for core in cores}.values(), key=_position)


def _position(core: Core) -> tuple[str, list[int], str]:
    numbers = [int(digits) for digits in re.findall(r"\d+", core.name)]
    return core.toolchain.family, numbers, core.name


CORES: dict[str, Core] = {core.name: core for core in _found()}

DEFAULT_CORE = "cortex-m4"


def core(name: str) -> Core:
    """The core called `name`, or that of the part called so. Raises PatchcError for a name that
    there is not."""
    if name in CORES:
        return CORES[name]
    part = part_called(name)
    if part is None:
        close = close_names(name, CORES)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise PatchcError(
            f"no target {name!r}: {hint}there are {', '.join(CORES)}, and parts by name, such as "
            "nrf52840: patchc targets lists them"
        )
    return CORES[part.core]
