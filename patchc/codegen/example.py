"""OUT/example/main.c: firmware in small, which builds as it is."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.codegen.helpers import Helpers
from patchc.codegen.layout import arguments
from patchc.codegen.places import EXAMPLE
from patchc.codegen.ports import Port

EXAMPLE_FILE = f"{EXAMPLE}/main.c"


def example_facts(
    name: str, helpers: Helpers, inputs: Sequence[Port], outputs: Sequence[Port], blob: bool
) -> dict[str, object]:
    """What templates/example.c.j2 shows beside what the other templates do. `blob`: the weights are
    in a file."""
    tails = {port: helpers.tail_of(port) for port in outputs}
    vectors = [port for port in outputs if port.listed and not port.handed]
    best = [port for port in vectors if port.is_vector and not tails[port]]
    others = [port for port in outputs if port not in vectors]
    convert = {0: "", 1: "from_grey", 3: "from_rgb"}[helpers.channels]
    files = ["WEIGHTS"] if blob else []
    files += ["PICTURE"] if convert else [port.macro for port in inputs]
    return {
        "best": best,
        "best_floats": [port for port in vectors if port not in best],
        "maps": others,
        "tails": tails,
        "plain": [port for port in outputs if port not in best and not tails[port]],
        "convert": f"{name}_{convert}" if convert else "",
        "usage": " ".join(["main", *(f"[{file}]" for file in files)]),
        "first_input": 2 if blob else 1,  # of main's arguments
    }


def callback(name: str, last: str) -> str:
    """The head of a reader's or a writer's function."""
    rectangle = ["int32_t row", "int32_t col", "int32_t rows", "int32_t cols"]
    return arguments(f"static int {name}", ["void *ctx", *rectangle, last])
