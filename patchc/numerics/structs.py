"""The constants that kernels take: one frozen dataclass per struct of patchc_kernels.h.

Fields have the names and the order of the C members. An ndarray is a const array, a tuple of
structs an array of them; everything else is an integer or a nested struct.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Scale:
    """patchc_scale: the float32 factor mantissa * 2**-shift."""

    mantissa: int  # 2**23 .. 2**24 - 1; or 0, with shift 127
    shift: int


@dataclass(frozen=True, slots=True)
class Form:
    """patchc_form."""

    factor: int
    offset: int


@dataclass(frozen=True, slots=True)
class Rare:
    """patchc_rare: a channel without a line. drop == 0: emulated altogether."""

    bias: int
    scale: Scale
    lift: int
    drop: int

    @property
    def is_guarded(self) -> bool:
        return self.drop > 0


@dataclass(frozen=True, slots=True)
class WindowParams:
    """patchc_window."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int


@dataclass(frozen=True, slots=True, eq=False)
class ConvParams:
    """patchc_conv_params."""

    window: WindowParams
    groups: int
    weights: np.ndarray  # int8 (n,), in the layout that the kernel reads
    form: tuple[Form, ...]  # one per output channel
    rare: tuple[Rare, ...] | None  # None: every channel has a line
    pad_value: int
    zero_point: int
    lo: int
    hi: int
    drop: int


@dataclass(frozen=True, slots=True, eq=False)
class ConvSumsParams:
    """patchc_conv_sums_params."""

    window: WindowParams
    groups: int
    weights: np.ndarray  # int8 (n,)
    offsets: np.ndarray  # int32 (c_out,)
    pad_value: int


@dataclass(frozen=True, slots=True, eq=False)
class ConvDspParams:
    """patchc_conv_dsp_params."""

    window: WindowParams
    weights: np.ndarray  # int8 (n,), in the layout that the kernel reads
    form: tuple[Form, ...]  # one per output channel
    rare: tuple[Rare, ...] | None  # None: every channel has a line
    pixels: int
    pad_value: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class ConvCmsisNNParams:
    """patchc_conv_cmsis_nn_params."""

    window: WindowParams
    weights: np.ndarray  # int8 (n,), in the layout that the library reads
    bias: np.ndarray  # int32 (c_out,)
    multiplier: np.ndarray  # int32 (c_out,)
    shift: np.ndarray  # int32 (c_out,)
    work_bytes: int
    pad_value: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class PoolCmsisNNParams:
    """patchc_pool_cmsis_nn_params."""

    window: WindowParams
    work_bytes: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class AddCmsisNNParams:
    """patchc_add_cmsis_nn_params."""

    a_offset: int
    a_multiplier: int
    a_shift: int
    b_offset: int
    b_multiplier: int
    b_shift: int
    left_shift: int
    multiplier: int
    shift: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class MulCmsisNNParams:
    """patchc_mul_cmsis_nn_params."""

    a_offset: int
    b_offset: int
    multiplier: int
    shift: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Near:
    """patchc_near."""

    constant: int
    mask: int
    bits: int


@dataclass(frozen=True, slots=True, eq=False)
class AddParams:
    """patchc_add_params."""

    a_factor: int
    b_factor: int
    sum_constant: int
    frac: int
    near_a: int
    near_b: int
    near: Near
    constant: np.ndarray | None  # int8 (c,), in place of the second operand
    swap: int
    offset: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class MulParams:
    """patchc_mul_params."""

    factor: int
    frac: int
    near_factor: int
    near: Near
    constant: np.ndarray | None  # int8 (c,), in place of the second operand
    a_zero_point: int
    b_zero_point: int
    zero_point: int
    offset: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class SubParams:
    """patchc_sub_params."""

    a_scale: int  # float32 bit patterns
    b_scale: int
    out_scale: int
    near_a: int
    near_b: int
    near: Near
    constant: np.ndarray | None  # int8 (c,), in place of the second operand
    swap: int
    a_zero_point: int
    b_zero_point: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class ExtremumParams:
    """patchc_extremum_params."""

    tables: np.ndarray | None  # int8 (256,) or (512,); None: the bytes are compared as they are
    b_table_at: int
    constant: np.ndarray | None  # int8 (c,), in place of the second operand
    least: int


@dataclass(frozen=True, slots=True, eq=False)
class ConcatParams:
    """patchc_concat_params."""

    count: int
    starts: np.ndarray  # int32 (count,)
    tables_at: np.ndarray  # int32 (count,): where an input's table begins, -1 for none
    tables: np.ndarray | None  # int8 (256 * tables,); None: there is none
    background: np.ndarray | None  # int8 (c_out,); None: the inputs cover every channel


@dataclass(frozen=True, slots=True)
class PoolParams:
    """patchc_pool_params."""

    window: WindowParams
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class AverageParams:
    """patchc_average_params."""

    window: WindowParams
    divisor: int
    in_scale: int  # float32 bit patterns
    out_scale: int
    in_zero_point: int
    out_zero_point: int
    offset: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class GlobalParams:
    """patchc_global_params."""

    form: Form
    rare: tuple[Rare, ...] | None  # None: it has a line
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class UpsampleParams:
    """patchc_upsample_params."""

    up_h: int
    up_w: int


@dataclass(frozen=True, slots=True)
class DepthToSpaceParams:
    """patchc_depth_to_space_params."""

    up: UpsampleParams
    position_step: int
    channel_step: int


@dataclass(frozen=True, slots=True, eq=False)
class LineParams:
    """patchc_line. None: both neighbours are one."""

    count: int
    first: np.ndarray  # uint16 (count,)
    second: np.ndarray | None  # uint16 (count,)
    kinds: np.ndarray | None  # uint16 (count,)
    shares: np.ndarray | None  # uint32 (2 * kinds,): float32 bit patterns
    parts: np.ndarray | None  # uint16 (2 * kinds,)
    near: np.ndarray | None  # int32 (2 * kinds,)


@dataclass(frozen=True, slots=True)
class ResizeNearestParams:
    """patchc_resize_nearest_params."""

    rows: LineParams
    cols: LineParams


@dataclass(frozen=True, slots=True)
class ResizeLinearParams:
    """patchc_resize_linear_params."""

    rows: LineParams
    cols: LineParams
    in_scale: int  # float32 bit patterns
    out_scale: int
    near: Near
    apart: int
    signal: int
    in_zero_point: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class RearrangeParams:
    """patchc_rearrange_params."""

    window: WindowParams
    count: int
    rows: np.ndarray  # uint16 (count,)
    places: np.ndarray  # uint16 (count,)
    lengths: np.ndarray  # uint16 (count,)


@dataclass(frozen=True, slots=True, eq=False)
class PermuteParams:
    """patchc_permute_params."""

    rows: np.ndarray | None  # int32 (2 * digits,): count and step of each; None: there is none
    cols: np.ndarray | None
    channels: np.ndarray | None
    row_digits: int
    col_digits: int
    channel_digits: int


@dataclass(frozen=True, slots=True)
class MatmulParams:
    """patchc_matmul_params."""

    out: GlobalParams
    transposed: int
    a_zero_point: int
    b_zero_point: int


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxParams:
    """patchc_softmax_params."""

    exponentials: np.ndarray  # uint32 (256,): float32 with nine bits of exponent
    steps: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class LayerNormParams:
    """patchc_layer_norm_params."""

    factors: np.ndarray  # int32 (channels,)
    offsets: np.ndarray  # int32 (channels,)
    epsilon: int
    widening: int
    drop: int
    places: int
    centered: int
    in_zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class LocalResponseParams:
    """patchc_local_response_params."""

    table: np.ndarray  # int32 (entries,)
    behind: int
    ahead: int
    bits: int
    places: int
    in_zero_point: int
    zero_point: int
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, eq=False)
class LutParams:
    """patchc_lut_params."""

    table: np.ndarray  # int8 (256,), or (channels * 256,): one for each channel


Params = (
    ConvParams
    | ConvSumsParams
    | ConvDspParams
    | ConvCmsisNNParams
    | PoolCmsisNNParams
    | AddCmsisNNParams
    | MulCmsisNNParams
    | AddParams
    | MulParams
    | SubParams
    | ExtremumParams
    | ConcatParams
    | PoolParams
    | AverageParams
    | GlobalParams
    | UpsampleParams
    | DepthToSpaceParams
    | ResizeNearestParams
    | ResizeLinearParams
    | RearrangeParams
    | PermuteParams
    | MatmulParams
    | SoftmaxParams
    | LayerNormParams
    | LocalResponseParams
    | LutParams
)
