"""A C program of kernel calls, each on heap blocks of exactly the bytes that it may touch: what
the sanitizers watch. It prints the outputs, one call a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.kernels.kernel import Operands
from patchc.kernels.registry import KERNELS
from patchc.numerics.structs import Form, Params, Rare
from tests.c.kernel_host import Call, Layout, View, offsets

_PRELUDE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int8_t *block(size_t size, const int8_t *from)
{
    int8_t *bytes = malloc(size);

    if (bytes == NULL) {
        exit(3);
    }
    if (from != NULL) {
        memcpy(bytes, from, size);
    }
    return bytes;
}

static void show(const patchc_out *out)
{
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *row = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols * out->channels; j++) {
            printf("%02x", (unsigned)(uint8_t)row[j]);
        }
    }
    printf("\\n");
}
"""


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call, and how its views lie in memory."""

    call: Call
    out: Layout
    inputs: tuple[Layout, ...]


def program(calls: Sequence[PlacedCall]) -> str:
    """C99 text."""
    functions = ["\n".join(_function(i, placed)) for i, placed in enumerate(calls)]
    body = "".join(f"    case_{i}();\n" for i in range(len(calls)))
    headers = sorted({KERNELS[placed.call.kernel].header for placed in calls})
    includes = "".join(f'#include "{header}"\n' for header in ("patchc_kernels.h", *headers))
    return "\n".join(
        [includes, _PRELUDE, *functions, f"int main(void)\n{{\n{body}    return 0;\n}}\n"]
    )


def _function(index: int, placed: PlacedCall) -> Iterator[str]:
    call, kernel = placed.call, KERNELS[placed.call.kernel]
    yield f"static void case_{index}(void)\n{{"
    inputs = []
    for i, (values, layout) in enumerate(zip(call.inputs, placed.inputs, strict=True)):
        view = layout.view(values.shape, 0)
        where = offsets(view)
        memory = np.zeros(where.max(initial=-1) + 1, np.int8)
        memory[where] = values
        yield _array(f"bytes{i}", "int8_t", memory.tolist() or [0])
        data = f"block({len(memory)}, bytes{i})"
        yield f"    patchc_in in{i} = {{{data}, {_geometry(view)}}};"
        inputs.append(f"in{i}")
    view = placed.out.view(call.out_shape, 0)
    size = int(offsets(view).max()) + 1
    yield f"    patchc_out out = {{block({size}, NULL), {_geometry(view)}}};"
    yield from _params(kernel.struct, call.params)
    pads = call.pads
    yield f"    patchc_pads pads = {{{pads.top}, {pads.left}, {pads.bottom}, {pads.right}}};"
    arguments = ["&out", *(f"&{name}" for name in inputs)]
    if kernel.operands is Operands.ARRAY:
        yield f"    const patchc_in *const operands[] = {{{', '.join(arguments[1:])}}};"
        arguments = ["&out", "operands"]
    elif len(inputs) == 1:
        arguments.append("NULL" if kernel.operands is Operands.PAIR else "&pads")
    yield f"    (void)pads;\n    {kernel.function}({', '.join(arguments)}, &params);"
    yield "    show(&out);\n    free(out.data);"
    yield from (f"    free((void *)(uintptr_t){name}.data);" for name in inputs)
    yield "}\n"


def _geometry(view: View) -> str:
    names = ("pitch", "slots", "slot", "rows", "cols", "channels")
    return ", ".join(str(getattr(view, name)) for name in names)


def _params(ctype: str, params: Params) -> Iterator[str]:
    arrays: list[str] = []
    members = _members(params, (), arrays)
    yield from arrays
    yield f"    static const {ctype} params = {members};"


def _members(params: object, outer: tuple[str, ...], arrays: list[str]) -> str:
    """The initialiser of a struct, a member `outer` of others; its arrays go to `arrays`."""
    members = []
    for name in params.__dataclass_fields__:
        value, stem = getattr(params, name), "_".join((*outer, name))
        text = stem
        if value is None:
            text = "NULL"
        elif isinstance(value, np.ndarray):
            arrays.append(_array(stem, f"{value.dtype}_t", value.tolist()))
        elif isinstance(value, tuple):
            structs = [_members(one, (), arrays) for one in value]
            ctype = {Form: "patchc_form", Rare: "patchc_rare"}[type(value[0])]
            arrays.append(_array(stem, ctype, structs))
        else:
            text = str(value) if isinstance(value, int) else _members(value, (*outer, name), arrays)
        members.append(f".{name} = {text}")
    return "{" + ", ".join(members) + "}"


def _array(name: str, ctype: str, values: Sequence[object]) -> str:
    return f"    static const {ctype} {name}[] = {{{', '.join(map(str, values))}}};"
