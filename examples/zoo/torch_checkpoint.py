"""Reads a PyTorch checkpoint without PyTorch, and without running code from the file.

Before version 1.6 `torch.save` wrote, one after the other: four pickles (a magic number, the
protocol, the writer's integer sizes, the object), a pickled list of storage keys, and the storages
in that order, each an int64 element count followed by the elements. The object's pickle describes
each tensor as a strided view of a storage that it names by its key.
"""

import collections
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
PROTOCOL_VERSION = 1001
STORAGE_DTYPES: dict[str, np.dtype] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}


class CheckpointError(Exception):
    """The file is not a checkpoint of the legacy format, or holds more than tensors."""


@dataclass(frozen=True, slots=True)
class _StorageType:
    dtype: np.dtype


@dataclass(frozen=True, slots=True)
class _Storage:
    """The storage that a tensor views; its elements follow later in the file."""

    key: str
    dtype: np.dtype


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A strided view; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def materialise(self, elements: np.ndarray) -> np.ndarray:
        """A contiguous copy of the view of `elements`, the storage's contents."""
        axes = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in axes)
        if min(self.offset, *self.strides, 0) < 0 or last >= elements.size:
            raise CheckpointError(f"a tensor reads outside its storage {self.storage.key}")
        byte_strides = [stride * elements.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, byte_strides)
        return np.ascontiguousarray(view)


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_autograd: Any,
) -> _Tensor:
    """Stands in for `torch._utils._rebuild_tensor_v2`."""
    return _Tensor(storage, offset, shape, strides)


class _RestrictedUnpickler(pickle.Unpickler):
    """Knows the few names that a dictionary of tensors needs and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in STORAGE_DTYPES:
            return _StorageType(STORAGE_DTYPES[name])
        raise CheckpointError(f"the checkpoint asks for {module}.{name}, which is not a tensor")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key = pid[:3]
        if kind != "storage":
            raise CheckpointError(f"the checkpoint refers to a {kind!r}, not to a storage")
        return _Storage(key, storage_type.dtype)


def load(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a legacy checkpoint, by their names in the network."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise CheckpointError(f"{path.name} is not a checkpoint of the legacy format")
        protocol, sizes = _unpickle(file), _unpickle(file)
        if protocol != PROTOCOL_VERSION or not sizes["little_endian"]:
            raise CheckpointError(f"{path.name} has protocol {protocol} or big-endian numbers")
        tensors: dict[str, _Tensor] = _unpickle(file)
        keys: list[str] = _unpickle(file)
        dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
        storages = {key: _read_storage(file, dtypes[key]) for key in keys}
    return {name: t.materialise(storages[t.storage.key]) for name, t in tensors.items()}


def _unpickle(file: BinaryIO) -> Any:
    try:
        return _RestrictedUnpickler(file).load()
    except (pickle.UnpicklingError, EOFError) as error:
        raise CheckpointError(f"the checkpoint is damaged: {error}") from error


def _read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise CheckpointError(f"the checkpoint ends inside a storage of {count} elements")
    return np.frombuffer(data, dtype)
