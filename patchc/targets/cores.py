"""The cores by name."""

from __future__ import annotations

import difflib

from patchc.errors import PatchcError
from patchc.targets.core import Core
from patchc.targets.cortex_m0 import CORTEX_M0
from patchc.targets.cortex_m3 import CORTEX_M3
from patchc.targets.cortex_m4 import CORTEX_M4
from patchc.targets.cortex_m7 import CORTEX_M7
from patchc.targets.cortex_m33 import CORTEX_M33
from patchc.targets.cortex_m55 import CORTEX_M55

CORES: dict[str, Core] = {
    core.name: core for core in (CORTEX_M0, CORTEX_M3, CORTEX_M4, CORTEX_M7, CORTEX_M33, CORTEX_M55)
}

DEFAULT_CORE = CORTEX_M4.name


def core(name: str) -> Core:
    """The core called `name`. Raises PatchcError for a name that there is not."""
    if name not in CORES:
        close = difflib.get_close_matches(name, CORES, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise PatchcError(f"no target {name!r}: {hint}there are {', '.join(CORES)}")
    return CORES[name]
