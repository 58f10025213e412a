"""The portable kernels on the host: built as a shared library, called through ctypes."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from patchc.ir import Conv, Padding
from patchc.kernels.dsp import DSP
from patchc.kernels.kernel import Operands
from patchc.kernels.mve import MVE
from patchc.kernels.registry import KERNELS
from patchc.numerics.structs import Params
from tests.tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "runtime_c/include"
# Kernels of the flavour `narrow` include portable ones.
FOLDERS = ("-I", str(INCLUDE), "-I", str(ROOT / "runtime_c/portable"))
WARNINGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow")

# What lies around every view, and must still lie there after a call.
POISON = 0x55
GUARD = 64  # bytes before and after


class Window(ctypes.Structure):
    _fields_ = tuple(
        (f"{name}_{axis}", ctypes.c_uint16)
        for name in ("kernel", "stride", "dilation")
        for axis in "hw"
    )


class Scale(ctypes.Structure):
    _fields_ = (("mantissa", ctypes.c_uint32), ("shift", ctypes.c_int32))


class Form(ctypes.Structure):
    _fields_ = (("factor", ctypes.c_int32), ("offset", ctypes.c_int32))


class Rare(ctypes.Structure):
    _fields_ = (
        ("bias", ctypes.c_int32),
        ("scale", Scale),
        ("lift", ctypes.c_uint8),
        ("drop", ctypes.c_uint8),
    )


class ConvParams(ctypes.Structure):
    _fields_ = (
        ("window", Window),
        ("groups", ctypes.c_int32),
        ("weights", ctypes.POINTER(ctypes.c_int8)),
        ("form", ctypes.POINTER(Form)),
        ("rare", ctypes.POINTER(Rare)),
        ("pad_value", ctypes.c_int8),
        ("zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
        ("drop", ctypes.c_uint8),
    )


class ConvSumsParams(ctypes.Structure):
    _fields_ = (
        ("window", Window),
        ("groups", ctypes.c_int32),
        ("weights", ctypes.POINTER(ctypes.c_int8)),
        ("offsets", ctypes.POINTER(ctypes.c_int32)),
        ("pad_value", ctypes.c_int8),
    )


class Near(ctypes.Structure):
    _fields_ = (
        ("constant", ctypes.c_uint32),
        ("mask", ctypes.c_uint32),
        ("bits", ctypes.c_int32),
    )


class AddParams(ctypes.Structure):
    _fields_ = (
        ("a_factor", ctypes.c_int64),
        ("b_factor", ctypes.c_int64),
        ("sum_constant", ctypes.c_int64),
        ("frac", ctypes.c_int32),
        ("near_a", ctypes.c_int32),
        ("near_b", ctypes.c_int32),
        ("near", Near),
        ("constant", ctypes.POINTER(ctypes.c_int8)),
        ("swap", ctypes.c_int8),
        ("offset", ctypes.c_int16),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class MulParams(ctypes.Structure):
    _fields_ = (
        ("factor", ctypes.c_int32),
        ("frac", ctypes.c_int32),
        ("near_factor", ctypes.c_int32),
        ("near", Near),
        ("constant", ctypes.POINTER(ctypes.c_int8)),
        ("a_zero_point", ctypes.c_int8),
        ("b_zero_point", ctypes.c_int8),
        ("zero_point", ctypes.c_int16),
        ("offset", ctypes.c_int16),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class SubParams(ctypes.Structure):
    _fields_ = (
        ("a_scale", ctypes.c_uint32),
        ("b_scale", ctypes.c_uint32),
        ("out_scale", ctypes.c_uint32),
        ("near_a", ctypes.c_int32),
        ("near_b", ctypes.c_int32),
        ("near", Near),
        ("constant", ctypes.POINTER(ctypes.c_int8)),
        ("swap", ctypes.c_int8),
        ("a_zero_point", ctypes.c_int8),
        ("b_zero_point", ctypes.c_int8),
        ("zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class ExtremumParams(ctypes.Structure):
    _fields_ = (
        ("tables", ctypes.POINTER(ctypes.c_int8)),
        ("b_table_at", ctypes.c_int32),
        ("constant", ctypes.POINTER(ctypes.c_int8)),
        ("least", ctypes.c_int8),
    )


class ConcatParams(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int32),
        ("starts", ctypes.POINTER(ctypes.c_int32)),
        ("tables_at", ctypes.POINTER(ctypes.c_int32)),
        ("tables", ctypes.POINTER(ctypes.c_int8)),
        ("background", ctypes.POINTER(ctypes.c_int8)),
    )


class PoolParams(ctypes.Structure):
    _fields_ = (("window", Window), ("lo", ctypes.c_int8), ("hi", ctypes.c_int8))


class AverageParams(ctypes.Structure):
    _fields_ = (
        ("window", Window),
        ("divisor", ctypes.c_int32),
        ("in_scale", ctypes.c_uint32),
        ("out_scale", ctypes.c_uint32),
        ("in_zero_point", ctypes.c_int8),
        ("out_zero_point", ctypes.c_int16),
        ("offset", ctypes.c_int16),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class GlobalParams(ctypes.Structure):
    _fields_ = (
        ("form", Form),
        ("rare", ctypes.POINTER(Rare)),
        ("zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class MatmulParams(ctypes.Structure):
    _fields_ = (
        ("out", GlobalParams),
        ("transposed", ctypes.c_int8),
        ("a_zero_point", ctypes.c_int8),
        ("b_zero_point", ctypes.c_int8),
    )


class PermuteParams(ctypes.Structure):
    _fields_ = (
        ("rows", ctypes.POINTER(ctypes.c_int32)),
        ("cols", ctypes.POINTER(ctypes.c_int32)),
        ("channels", ctypes.POINTER(ctypes.c_int32)),
        ("row_digits", ctypes.c_int32),
        ("col_digits", ctypes.c_int32),
        ("channel_digits", ctypes.c_int32),
    )


class UpsampleParams(ctypes.Structure):
    _fields_ = [("up_h", ctypes.c_uint16), ("up_w", ctypes.c_uint16)]


class DepthToSpaceParams(ctypes.Structure):
    _fields_ = (
        ("up", UpsampleParams),
        ("position_step", ctypes.c_int32),
        ("channel_step", ctypes.c_int32),
    )


class Line(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int32),
        ("first", ctypes.POINTER(ctypes.c_uint16)),
        ("second", ctypes.POINTER(ctypes.c_uint16)),
        ("kinds", ctypes.POINTER(ctypes.c_uint16)),
        ("shares", ctypes.POINTER(ctypes.c_uint32)),
        ("parts", ctypes.POINTER(ctypes.c_uint16)),
        ("near", ctypes.POINTER(ctypes.c_int32)),
    )


class ResizeNearestParams(ctypes.Structure):
    _fields_ = (("rows", Line), ("cols", Line))


class ResizeLinearParams(ctypes.Structure):
    _fields_ = (
        ("rows", Line),
        ("cols", Line),
        ("in_scale", ctypes.c_uint32),
        ("out_scale", ctypes.c_uint32),
        ("near", Near),
        ("apart", ctypes.c_int8),
        ("signal", ctypes.c_int8),
        ("in_zero_point", ctypes.c_int8),
        ("zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class RearrangeParams(ctypes.Structure):
    _fields_ = (
        ("window", Window),
        ("count", ctypes.c_int32),
        ("rows", ctypes.POINTER(ctypes.c_uint16)),
        ("places", ctypes.POINTER(ctypes.c_uint16)),
        ("lengths", ctypes.POINTER(ctypes.c_uint16)),
    )


class SoftmaxParams(ctypes.Structure):
    _fields_ = (
        ("exponentials", ctypes.POINTER(ctypes.c_uint32)),
        ("steps", ctypes.c_uint32),
        ("zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class LayerNormParams(ctypes.Structure):
    _fields_ = (
        ("factors", ctypes.POINTER(ctypes.c_int32)),
        ("offsets", ctypes.POINTER(ctypes.c_int32)),
        ("epsilon", ctypes.c_uint64),
        ("widening", ctypes.c_uint8),
        ("drop", ctypes.c_uint8),
        ("places", ctypes.c_uint8),
        ("centered", ctypes.c_uint8),
        ("in_zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class LocalResponseParams(ctypes.Structure):
    _fields_ = (
        ("table", ctypes.POINTER(ctypes.c_int32)),
        ("behind", ctypes.c_int32),
        ("ahead", ctypes.c_int32),
        ("bits", ctypes.c_uint8),
        ("places", ctypes.c_uint8),
        ("in_zero_point", ctypes.c_int8),
        ("zero_point", ctypes.c_int8),
        ("lo", ctypes.c_int8),
        ("hi", ctypes.c_int8),
    )


class LutParams(ctypes.Structure):
    _fields_ = (("table", ctypes.POINTER(ctypes.c_int8)),)


STRUCTS: dict[str, type[ctypes.Structure]] = {
    "patchc_conv_params": ConvParams,
    "patchc_conv_sums_params": ConvSumsParams,
    "patchc_add_params": AddParams,
    "patchc_mul_params": MulParams,
    "patchc_sub_params": SubParams,
    "patchc_extremum_params": ExtremumParams,
    "patchc_concat_params": ConcatParams,
    "patchc_pool_params": PoolParams,
    "patchc_average_params": AverageParams,
    "patchc_global_params": GlobalParams,
    "patchc_lut_params": LutParams,
    "patchc_upsample_params": UpsampleParams,
    "patchc_depth_to_space_params": DepthToSpaceParams,
    "patchc_rearrange_params": RearrangeParams,
    "patchc_permute_params": PermuteParams,
    "patchc_matmul_params": MatmulParams,
    "patchc_resize_nearest_params": ResizeNearestParams,
    "patchc_resize_linear_params": ResizeLinearParams,
    "patchc_softmax_params": SoftmaxParams,
    "patchc_layer_norm_params": LayerNormParams,
    "patchc_local_response_params": LocalResponseParams,
}


class View(ctypes.Structure):
    """patchc_in and patchc_out, which differ in a const."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("pitch", ctypes.c_int32),
        ("slots", ctypes.c_int32),
        ("slot", ctypes.c_int32),
        ("rows", ctypes.c_int32),
        ("cols", ctypes.c_int32),
        ("channels", ctypes.c_int32),
    )


class Pads(ctypes.Structure):
    _fields_ = tuple((side, ctypes.c_int32) for side in ("top", "left", "bottom", "right"))


@cache
def build_folder() -> Path:
    """Removed when the interpreter ends."""
    folder = Path(tempfile.mkdtemp(prefix="patchc-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def kernel_sources() -> list[str]:
    """Of the kernels in plain C, each file once; convolutions of cores with DSP instructions or MVE
    have a program of their own, and so have those that need CMSIS-NN."""
    plain = (
        kernel
        for kernel in KERNELS.values()
        if not kernel.cmsis_nn and (kernel.operator is not Conv or kernel.flavour not in (DSP, MVE))
    )
    found = [source for kernel in plain for source in (kernel.source, *kernel.shared)]
    return [str(ROOT / "runtime_c" / source) for source in dict.fromkeys(found)]


@cache
def library(
    compiler: str = "gcc", flags: tuple[str, ...] = ("-O2",), sources: tuple[str, ...] = ()
) -> ctypes.CDLL:
    """All kernels, or the given sources, as a shared library. Skips without the compiler."""
    tag = hashlib.sha256(repr((compiler, flags, sources)).encode()).hexdigest()[:16]
    folder = build_folder() / tag
    folder.mkdir(exist_ok=True)
    sources = sources or tuple(kernel_sources())
    compile_ = [require_tool(compiler), *WARNINGS, *flags, "-fPIC", *FOLDERS, "-c"]
    _build([*compile_, *sources], folder)
    # Linked without the flags: with -ffast-math gcc links code that makes the whole process
    # flush subnormals to zero, numpy included.
    objects = [f"{Path(source).stem}.o" for source in sources]
    _build([require_tool(compiler), "-shared", "-o", "kernels.so", *objects, "-lm"], folder)
    return ctypes.CDLL(str(folder / "kernels.so"))


def _build(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def c_params(kernel: str, params: Params) -> ctypes.Structure:
    """The dataclass as the C struct, member by member of the same name."""
    return _fill(STRUCTS[KERNELS[kernel].struct], params)


def _fill(struct: type[ctypes.Structure], values: object) -> ctypes.Structure:
    filled = struct()
    for name, ctype in struct._fields_:
        setattr(filled, name, _value(ctype, getattr(values, name)))
    return filled


def _value(ctype: type, value: object) -> object:
    if value is None:
        return ctype()  # a null pointer
    if isinstance(value, np.ndarray):
        return value.ctypes.data_as(ctype)  # keeps the array alive
    if isinstance(value, tuple):
        struct = ctype._type_
        array = (struct * len(value))(*(_fill(struct, one) for one in value))
        return ctypes.cast(array, ctype)  # keeps the array alive
    if issubclass(ctype, ctypes.Structure):
        return _fill(ctype, value)
    return value


@dataclass(frozen=True, slots=True)
class Layout:
    """How a view lies in memory, as far as its map does not say."""

    spare_slots: int = 0  # slots beyond the view's rows
    slot: int = 0  # of the first row, modulo the slots
    spare_pitch: int = 0  # bytes between one row's end and the next slot

    def view(self, shape: tuple[int, int, int], address: int) -> View:
        rows, cols, channels = shape
        slots = max(rows + self.spare_slots, 1)
        pitch = cols * channels + self.spare_pitch
        return View(address, pitch, slots, self.slot % slots, rows, cols, channels)


PLAIN = Layout()
NO_PADS = Padding()


def offsets(view: View) -> np.ndarray:
    """Bytes from slot 0 to every element of the view: int64 (rows, cols, channels)."""
    slots = (view.slot + np.arange(view.rows)) % view.slots
    row = np.arange(view.cols * view.channels).reshape(view.cols, view.channels)
    return slots[:, None, None] * view.pitch + row


class Memory:
    """Poisoned bytes with guards around, in which views are placed."""

    def __init__(self, size: int) -> None:
        self.bytes = np.full(size + 2 * GUARD, POISON, np.int8)
        self.base = self.bytes.ctypes.data + GUARD

    def write(self, view: View, values: np.ndarray) -> None:
        self.bytes[self._indices(view)] = values

    def read(self, view: View) -> np.ndarray:
        return self.bytes[self._indices(view)]

    def untouched_but(self, view: View) -> bool:
        """Is everything outside the view still poison?"""
        outside = np.ones(len(self.bytes), bool)
        outside[self._indices(view)] = False
        return bool((self.bytes[outside] == POISON).all())

    def _indices(self, view: View) -> np.ndarray:
        return (view.data - self.base) + GUARD + offsets(view)


def place(values: np.ndarray, layout: Layout) -> tuple[Memory, View]:
    """A view of `values` in a memory of its own."""
    sized = layout.view(values.shape, 0)
    memory = Memory(sized.slots * sized.pitch)
    view = layout.view(values.shape, memory.base)
    memory.write(view, values)
    return memory, view


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel and everything it is given, but for where its output goes."""

    kernel: str
    params: Params
    inputs: tuple[np.ndarray, ...]  # int8 (rows, cols, channels)
    out_shape: tuple[int, int, int]
    pads: Padding = NO_PADS


def invoke(library_: ctypes.CDLL, call: Call, out: View, inputs: Sequence[View]) -> None:
    """The bare call."""
    function = getattr(library_, KERNELS[call.kernel].function)
    function.restype = None
    pads = Pads(call.pads.top, call.pads.left, call.pads.bottom, call.pads.right)
    params = c_params(call.kernel, call.params)
    if KERNELS[call.kernel].operands is Operands.ARRAY:
        array = (ctypes.POINTER(View) * len(inputs))(*map(ctypes.pointer, inputs))
        function(ctypes.byref(out), array, ctypes.byref(params))
        return
    arguments = list(map(ctypes.byref, inputs))
    if KERNELS[call.kernel].operands is not Operands.PAIR:
        arguments.append(ctypes.byref(pads))
    elif len(inputs) == 1:
        arguments.append(None)  # the constant in the parameters is the second operand
    function(ctypes.byref(out), *arguments, ctypes.byref(params))


def run(
    library_: ctypes.CDLL,
    call: Call,
    out_layout: Layout = PLAIN,
    in_layouts: Sequence[Layout] = (),
) -> np.ndarray:
    """The kernel's output; nothing else was written, inputs included."""
    layouts = tuple(in_layouts) or (PLAIN,) * len(call.inputs)
    placed = [place(values, at) for values, at in zip(call.inputs, layouts, strict=True)]
    before = [memory.bytes.copy() for memory, _ in placed]
    memory, out = place(np.full(call.out_shape, POISON, np.int8), out_layout)
    invoke(library_, call, out, [view for _, view in placed])
    assert memory.untouched_but(out), "bytes around the output were written"
    for (source, _), bytes_ in zip(placed, before, strict=True):
        assert np.array_equal(source.bytes, bytes_), "an input was written"
    return memory.read(out)
