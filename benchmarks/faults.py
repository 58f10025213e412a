"""The faults of `python -m benchmarks.mutants`: what is changed, and which test has to see it.

`text` occurs once in `file`; tests/unit/test_faults.py holds that true.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One change to one file."""

    name: str
    file: str
    text: str
    replacement: str
    test: str  # a node of pytest that passes without the change, and fails with it


ROWS, CLOCKS = "tests/unit/test_rows.py", "tests/unit/test_clocks.py"
MEMORY, FORMS = "tests/unit/test_memory.py", "tests/unit/test_forms.py"
NUMERICS, CMSIS = "tests/unit/test_numerics.py", "tests/unit/test_cmsis.py"
PARAMS, COST = "tests/unit/test_numerics_params.py", "tests/unit/test_cost.py"
KERNELS, GOLDEN = "tests/c/test_kernels.py", "tests/golden/test_golden.py"
OPTIMISED = "tests/golden/test_optimised.py"
JUDGEMENT, DIFFERENCE = "tests/golden/test_judgement.py", "tests/golden/test_difference.py"
STRUCTURE, SHADOW = "tests/unit/test_structure.py", "tests/unit/test_reference_schedule.py"
CERTIFICATE = "tests/unit/test_certificate.py"

PLANNER = (
    Fault(
        "a ring is one row too short",
        "patchc/geometry/rows.py",
        "needed = max(1, alive, min(",
        "needed = max(1, alive - 1, min(",
        ROWS,
    ),
    Fault(
        "a map starts one byte too high over its input",
        "patchc/geometry/rows.py",
        "return max(int((written - first).max()), behind)",
        "return max(int((written - first).max()) - 1, behind)",
        ROWS,
    ),
    Fault(
        "rows are finished one row early",
        "patchc/geometry/clocks.py",
        "offset = clock.offset + clock.den * (clock.add + shift)",
        "offset = clock.offset + clock.den * (clock.add + shift + 1)",
        CLOCKS,
    ),
    Fault(
        "the last tick is left out",
        "patchc/geometry/clocks.py",
        "return max(0, -(-(chunks * clock.den - clock.offset) // clock.num))",
        "return max(0, (chunks * clock.den - clock.offset) // clock.num)",
        CLOCKS,
    ),
    Fault(
        "a stripe lacks the last column of its halo",
        "patchc/geometry/axis.py",
        "stop = ((out.stop - 1) * self.stride + self.last) // self.up + 1",
        "stop = ((out.stop - 1) * self.stride + self.last) // self.up",
        "tests/unit/test_schedule_text.py",
    ),
    Fault(
        "the widest stripe is priced as the narrowest",
        "patchc/geometry/columns.py",
        "np.maximum.reduceat(columns.stop - columns.start, self.first)",
        "np.minimum.reduceat(columns.stop - columns.start, self.first)",
        "tests/unit/test_columns.py::test_shares_of_every_count",
    ),
    Fault(
        "maps may overlap by one byte more",
        "patchc/schedule/types.py",
        "return low <= base - self.distance",
        "return low <= base - self.distance + 1",
        MEMORY,
    ),
    Fault(
        "the overlap check sees no overlap",
        "patchc/memory/check.py",
        "if low + one.bytes <= high or high + two.bytes <= low:",
        "if True:",
        f"{MEMORY}::test_the_check_finds",
    ),
    Fault(
        "placement takes neighbours for apart",
        "patchc/memory/placement.py",
        "if low + one.bytes <= other or other + two.bytes <= low:",
        "if low + one.bytes <= other + 1 or other + two.bytes <= low + 1:",
        MEMORY,
    ),
    Fault(
        "a buffer does not count in its last block",
        "patchc/memory/liveness.py",
        "alive[buffer.last + 1] -= buffer.bytes",
        "alive[buffer.last] -= buffer.bytes",
        f"{MEMORY}::test_live_bytes_by_hand",
    ),
    Fault(
        "plans that cost as much are kept beside smaller ones",
        "patchc/planner/pareto.py",
        "return best.cost <= cost",
        "return best.cost < cost",
        "tests/unit/test_pareto.py",
    ),
    Fault(
        "stairs reach no equal pair",
        "patchc/planner/pareto.py",
        "self._second[at - 1] <= second",
        "self._second[at - 1] < second",
        "tests/unit/test_pareto.py",
    ),
    Fault(
        "costs are cut off instead of rounded",
        "patchc/planner/cost.py",
        "return (thousandths + SCALE // 2) // SCALE",
        "return thousandths // SCALE",
        COST,
    ),
    Fault(
        "a cost table reads the price of rows for pixels",
        "patchc/targets/cost_table.py",
        '"pixels": self.per_pixel,',
        '"pixels": self.per_row,',
        COST,
    ),
    Fault(
        "shadow memory believes every read",
        "patchc/reference/shadow.py",
        "        if wrong.any():\n            if wanted is not None:",
        "        if wrong.all():\n            if wanted is not None:",
        SHADOW,
    ),
)

NUMBERS = (
    Fault(
        "steps beside ties are misplaced",
        "patchc/numerics/thresholds.py",
        "half = np.left_shift(1, place + _FRACTION - 1)",
        "half = np.left_shift(1, place + _FRACTION)",
        f"{FORMS}::test_steps_on_ties",
    ),
    Fault(
        "ties go to odd",
        "patchc/numerics/thresholds.py",
        "np.where(wanted % 2 == 0, -half, half)",
        "np.where(wanted % 2 == 0, half, -half)",
        f"{FORMS}::test_steps_on_ties",
    ),
    Fault(
        "the largest sum is too small",
        "patchc/numerics/thresholds.py",
        "positive * most + negative * least",
        "positive * most + negative * most",
        f"{FORMS}::test_reachable_sums_are_those_of_the_worst_inputs",
    ),
    Fault(
        "a guarded channel has no guard",
        "patchc/numerics/forms.py",
        "near = (scaled + guard) % one < 2 * guard",
        "near = scaled % one < 0",
        FORMS,
    ),
    Fault(
        "an offset is solved for one level instead of all",
        "patchc/numerics/forms.py",
        "least = (tops - (near.reached_at << lift)).max(axis=1)",
        "least = (tops - (near.reached_at << lift)).min(axis=1)",
        FORMS,
    ),
    Fault(
        "the proof of a line looks at one side of a step",
        "patchc/numerics/form_check.py",
        "stepped = (line(at) >= levels) & formula.reaches(at, levels)",
        "stepped = line(at) >= levels",
        FORMS,
    ),
    Fault(
        "the proof lets words leave 32 bits",
        "patchc/numerics/form_check.py",
        "right = ((words >= -_INT32) & (words < _INT32) & (",
        "right = ((words == words) & (",
        f"{FORMS}::test_a_word_that_leaves_int32_is_caught",
    ),
    Fault(
        "halves are rounded up",
        "patchc/numerics/requant.py",
        "values + ((one << (shift - one)) - one) + ((values >> shift) & one)",
        "values + (one << (shift - one))",
        f"{NUMERICS}::test_bit_length_and_half_even",
    ),
    Fault(
        "factors are rounded in another order",
        "patchc/numerics/requant.py",
        "product / np.float32(out_scale)",
        "np.float32(in_scale) * (weight_scales.astype(np.float32) / np.float32(out_scale))",
        f"{NUMERICS}::test_factors_round_in_onnxruntimes_order",
    ),
    Fault(
        "the zero point is folded with the wrong sign",
        "patchc/numerics/fold.py",
        "(op.bias.astype(np.int64) - zero_point * sums)",
        "(op.bias.astype(np.int64) + zero_point * sums)",
        f"{NUMERICS}::test_folded_bias_wraps",
    ),
    Fault(
        "padding is the value 0",
        "patchc/kernels/convolutions.py",
        "pad_value=x.quant.zero_point,",
        "pad_value=0,",
        f"{PARAMS}::test_conv_constants",
    ),
    Fault(
        "padding counts in no mean",
        "patchc/numerics/average.py",
        "divisor=taps if op.count_include_pad else 0,",
        "divisor=0,",
        PARAMS,
    ),
    Fault(
        "the wrong half of each four is packed without its sign bit",
        "patchc/kernels/dsp_packing.py",
        "words[..., 0::2] ^= -128",
        "words[..., 1::2] ^= -128",
        "tests/c/test_convolutions.py::test_two_channels_in_fours",
    ),
    Fault(
        "what sums lack is that of the other half",
        "patchc/kernels/dsp_packing.py",
        "astype(np.int64)[..., 1::2]",
        "astype(np.int64)[..., 0::2]",
        CERTIFICATE + "::test_certificates_are_proved[layers]",
    ),
    Fault(
        "CMSIS-NN's multipliers: the formula is not asked in front of a step",
        "patchc/numerics/cmsis_check.py",
        "stepped &= (library(before) < levels) & (formula(before) < levels)",
        "stepped &= formula(before) < levels",
        CMSIS,
    ),
    Fault(
        "CMSIS-NN's words may wrap",
        "patchc/numerics/cmsis_check.py",
        "right &= never_wraps(ends + bias, multiplier, shift, rounding).all(axis=1)",
        "right &= True",
        CMSIS,
    ),
    Fault(
        "an old CMSIS-NN is taken",
        "patchc/libraries/cmsis_nn.py",
        "if library.revision[:2] < _OLDEST:",
        "if library.revision[:2] < (0, 0):",
        "tests/unit/test_cmsis_nn_library.py::test_one_that_is_too_old_is_refused",
    ),
)

C_KERNELS = (
    Fault(
        "C: rows of a tunnel's view advance by the stride of columns",
        "runtime_c/portable/patchc_tunnel.c",
        "int32_t top = out->r0 * window->stride_h",
        "int32_t top = out->r0 * window->stride_w",
        "tests/c/test_tunnel_runtime.py",
    ),
    Fault(
        "C: halves are rounded up",
        "runtime_c/include/patchc_kernels.h",
        "return (value + ((UINT32_C(1) << (n - 1)) - 1) + ((value >> n) & 1)) >> n;",
        "return (value + (UINT32_C(1) << (n - 1))) >> n;",
        "tests/c/test_kernels_arithmetic.py",
    ),
    Fault(
        "C: a line is shifted by one bit more",
        "runtime_c/include/patchc_requant.h",
        "#define PATCHC_DROP 10",
        "#define PATCHC_DROP 11",
        "tests/c/test_forms_c.py",
    ),
    Fault(
        "C: a pool's columns advance by the stride of rows",
        "runtime_c/portable/patchc_max_pool.c",
        "j * window->stride_w - pads->left",
        "j * window->stride_h - pads->left",
        f"{KERNELS}::test_max_pool",
    ),
    Fault(
        "C: a depthwise window runs past the end of its ring",
        "runtime_c/portable/patchc_conv2d_depthwise.c",
        "if (y == at->unbroken) {",
        "if (y == at->unbroken + 1) {",
        f"{KERNELS}::test_depthwise_windows_across_the_end_of_a_ring",
    ),
    Fault(
        "C: a mean is not clamped from below",
        "runtime_c/include/patchc_requant.h",
        "return patchc_clamp(value, params->lo, params->hi);",
        "return patchc_clamp(value, -128, params->hi);",
        f"{KERNELS}::test_global_average_pool",
    ),
    Fault(
        "C: columns that are copied for CMSIS-NN are those of the left border",
        "runtime_c/cmsis_nn/patchc_cmsis_nn.c",
        "from + i * in->pitch + start * in->channels",
        "from + i * in->pitch",
        "tests/c/test_cmsis_nn_calls.py::test_in_tiles",
    ),
)

VERIFICATION = (
    Fault(
        "nodes may be three steps off",
        "patchc/verify/golden.py",
        "NODE_TOLERANCE_STEPS = 1",
        "NODE_TOLERANCE_STEPS = 3",
        JUDGEMENT,
    ),
    Fault(
        "the outputs are compared with themselves",
        "patchc/verify/golden.py",
        "[maps[name] for maps in expected],\n            graph.tensors[name].quant,",
        "[maps[name] for maps in outputs],\n            graph.tensors[name].quant,",
        JUDGEMENT,
    ),
    Fault(
        "the file's outputs are compared with themselves",
        "patchc/verify/golden.py",
        "[values[name] for values in expected],",
        "[values[name] for values in found],",
        JUDGEMENT,
    ),
    Fault(
        "nodes are compared with themselves",
        "patchc/verify/golden.py",
        "expected[node.name].append(_worth(border, theirs[node.output]))",
        "expected[node.name].append(_worth(border, ours))",
        JUDGEMENT,
    ),
    Fault(
        "a node is fed its own results",
        "patchc/verify/golden.py",
        "values[node.output] = theirs.get(node.output, ours)",
        "values[node.output] = ours",
        JUDGEMENT,
    ),
    Fault(
        "the last node is not compared",
        "patchc/verify/golden.py",
        "        for node in graph.nodes\n        if node.output in borders\n",
        "        for node in graph.nodes[:-1]\n        if node.output in borders\n",
        GOLDEN,
    ),
    Fault(
        "differences from the file do not count",
        "patchc/verify/golden.py",
        "if fused and d.differing",
        "if fused and d.differing < 0",
        GOLDEN,
    ),
    Fault(
        "nodes in integers are compared with themselves",
        "patchc/verify/optimised.py",
        "np.count_nonzero(ours != maps[node.output])",
        "np.count_nonzero(ours != ours)",
        OPTIMISED,
    ),
    Fault(
        "nodes in float count as nodes in integers",
        "patchc/verify/optimised.py",
        'node is not None and node.op_type == "QuantizeLinear"',
        "node is None",
        OPTIMISED,
    ),
    Fault(
        "differences where int8 is in integers do not count",
        "patchc/verify/golden.py",
        "        for d in signed\n",
        "        for d in signed[:0]\n",
        OPTIMISED,
    ),
    Fault(
        "bytes are compared with themselves",
        "patchc/verify/verify.py",
        "wrong = np.argwhere(ours != theirs)",
        "wrong = np.argwhere(ours != ours)",
        JUDGEMENT,
    ),
    Fault(
        "random cases of floats are all zero",
        "patchc/verify/cases.py",
        "return random.uniform(*range_, shape).astype(dtype)",
        "return np.zeros(shape, dtype)",
        JUDGEMENT,
    ),
    Fault(
        "random cases of integers are all zero",
        "patchc/verify/cases.py",
        "return random.integers(int(range_[0]), int(range_[1]) + 1, shape).astype(dtype)",
        "return np.zeros(shape, dtype)",
        JUDGEMENT,
    ),
    Fault(
        "the largest difference is the smallest",
        "patchc/verify/difference.py",
        "largest=int(np.abs(steps).max(initial=0)),",
        "largest=int(np.abs(steps).min(initial=0)),",
        DIFFERENCE,
    ),
    Fault(
        "what is too small does not count as different",
        "patchc/verify/difference.py",
        "np.count_nonzero(ours != theirs)",
        "np.count_nonzero(ours > theirs)",
        DIFFERENCE,
    ),
    Fault(
        "the certificate's memory is not compared",
        "patchc/certificate/memory.py",
        "            if not same.all():",
        "            if not same.any():",
        CERTIFICATE,
    ),
    Fault(
        "the certificate's steps are looked at from one side",
        "patchc/certificate/requantisation.py",
        "(after & before)",
        "(after | before)",
        CERTIFICATE,
    ),
)

FILES = (
    Fault(
        "strides are swapped at import",
        "patchc/frontend/windows.py",
        "stride=(rows.stride, cols.stride)",
        "stride=(cols.stride, rows.stride)",
        "tests/unit/test_frontend_operators.py",
    ),
    Fault(
        "a cycle is not seen",
        "patchc/frontend/structure.py",
        "    if len(order) < len(graph.node):",
        "    if len(order) < 0:",
        STRUCTURE,
    ),
    Fault(
        "weights may end behind their file",
        "patchc/frontend/structure.py",
        "    if end > size:",
        "    if end < 0:",
        STRUCTURE,
    ),
    Fault(
        "what onnxruntime cannot run is taken",
        "patchc/frontend/runtime.py",
        "        if runs:\n",
        "        if not runs:\n",
        STRUCTURE,
    ),
    Fault(
        "a folder with other files is written over",
        "patchc/outdir.py",
        "if out.is_dir() and any(out.iterdir()) and not (out / SOURCE).is_file():",
        "if False:",
        "tests/unit/test_outdir.py",
    ),
)

FAULTS = (*PLANNER, *NUMBERS, *C_KERNELS, *VERIFICATION, *FILES)
