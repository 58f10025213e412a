"""What options may be: the values that the commands list, and the compiler obeys.

Nothing large is imported here, so that `--help` need not load what it does not use.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from patchc.errors import PatchcError

DEFAULT_CASES = 8  # of `patchc verify`

# Where the C runs.
HOST = "host"
QEMU = "qemu"

ALL = "all"  # `--target all`


class InputMode(str, Enum):
    """Where the image is (design.md, section 6)."""

    TILES = "tiles"  # re-readable through a callback
    STREAM = "stream"  # through a callback, raster order, each pixel exactly once
    EXTERN = "extern"  # a const pointer outside the arena
    RESIDENT = "resident"  # in the arena, counted


class OutputMode(str, Enum):
    """Where outputs that are maps go; an output of one row always lies in the arena."""

    ARENA = "arena"  # in full in the arena, counted
    ROWS = "rows"  # through a callback, each pixel once: never in full where rows stream
    RASTER = "raster"  # the same, in whole rows from the first to the last


class WeightsMode(str, Enum):
    """Where convolution weights are."""

    INLINE = "inline"  # const arrays in NAME_weights_*.c
    EXTERN = "extern"  # NAME_weights.bin, behind a pointer that the caller gives


class RuntimeMode(str, Enum):
    """What the linker calls the kernels' functions."""

    PRIVATE = "private"  # each network has its own, whatever else is linked
    SHARED = "shared"  # their version is in the names; networks of one version share one copy


class TailMode(str, Enum):
    """Where a Softmax or Sigmoid behind the last integers is computed."""

    HOST = "host"  # by whoever reads the outputs; `patchc run` asks onnxruntime
    C = "c"  # by a function of OUT's C, in integers


class Project(str, Enum):
    """Whose tools find OUT as a part of their projects (docs/projects.md)."""

    CMAKE = "cmake"
    ARDUINO = "arduino"
    PLATFORMIO = "platformio"
    ZEPHYR = "zephyr"
    ESP_IDF = "esp-idf"
    STM32CUBE = "stm32cube"
    CMSIS_PACK = "cmsis-pack"


class Kernels(str, Enum):
    """Whose kernels there are."""

    AUTO = "auto"  # all of them
    PATCHC = "patchc"
    CMSIS_NN = "cmsis-nn"  # the library wherever it can run and fits


class Rounding(str, Enum):
    """How CMSIS-NN rounds, as it is compiled."""

    SINGLE = "single"  # with CMSIS_NN_USE_SINGLE_ROUNDING
    DOUBLE = "double"


class Numerics(str, Enum):
    """What the C computes."""

    EXACT = "exact"  # onnxruntime's bytes: the library has only layers that are proved
    CMSIS = "cmsis"  # layers that go to the library are rounded as it rounds
    CMSIS_DOUBLE = "cmsis-double"  # the same, and it is compiled to round twice

    @property
    def rounding(self) -> Rounding:
        """Of the library, as it is compiled."""
        return Rounding.DOUBLE if self is Numerics.CMSIS_DOUBLE else Rounding.SINGLE


class LibraryMode(str, Enum):
    """How OUT has the library's files."""

    COPY = "copy"  # those that it needs, with licence and notice
    LINK = "link"  # where the user has them


class Format(str, Enum):
    """How the file says that a tensor is quantised."""

    QDQ = "qdq"  # float operators between QuantizeLinear and DequantizeLinear
    QOPERATOR = "qoperator"  # integer operators: QLinearConv, QLinearAdd, ...


class Activation(str, Enum):
    """The type of quantised activations."""

    INT8 = "int8"
    UINT8 = "uint8"


class Method(str, Enum):
    """How the range of a tensor follows from the samples."""

    MINMAX = "minmax"
    ENTROPY = "entropy"
    PERCENTILE = "percentile"


class Merge(str, Enum):
    """How patches become one tensor."""

    MEAN = "mean"
    CONCAT = "concat"  # side by side along the channels: the layer behind is widened
    MAX = "max"
    SUM = "sum"
    TILE = "tile"  # side by side as they lay in the image


class Weights(str, Enum):
    """Whether patches have weights of their own."""

    SHARED = "shared"  # biases are copied all the same: their scale is that of the activations
    SEPARATE = "separate"  # copies, to be trained


_E = TypeVar("_E", bound=Enum)


def member(kind: type[_E], value: str, option: str) -> _E:
    """The member called `value`. Raises PatchcError for a value that there is not."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(member.value) for member in kind)
        raise PatchcError(f"{option} {value!r}: choose one of {known}") from None
