"""A TensorFlow Lite file from int8 to int8: python cut_tflite.py FILE OUTPUT.

Runs in a Python that has tflite-micro, whose schema reads and writes the file. A first Quantize and
a last Dequantize and Softmax are left to the host, as patchc leaves them; the batch, open in some
files, is 1; and a Reshape names its shape, which some importers ask for. Weights, scales and zero
points stay as they are.
"""

import sys
from pathlib import Path

import flatbuffers
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

FIRST = ("QUANTIZE",)
LAST = ("DEQUANTIZE", "SOFTMAX")


def main(source, target):
    """Writes the file `target`."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(Path(source).read_bytes(), 0))
    (graph,) = model.subgraphs
    names = {
        value: name for name, value in vars(schema.BuiltinOperator).items() if name[0].isupper()
    }

    def kind(operator):
        code = model.operatorCodes[operator.opcodeIndex]
        return names[max(code.builtinCode, code.deprecatedBuiltinCode)]

    while kind(graph.operators[0]) in FIRST:
        graph.inputs = [graph.operators[0].outputs[0]]
        del graph.operators[0]
    while kind(graph.operators[-1]) in LAST:
        graph.outputs = [graph.operators[-1].inputs[0]]
        del graph.operators[-1]
    for tensor in graph.tensors:
        tensor.shapeSignature = None
    for operator in graph.operators:
        if kind(operator) == "RESHAPE":
            options = schema.ReshapeOptionsT()
            options.newShape = list(graph.tensors[operator.outputs[0]].shape)
            operator.builtinOptions = options
            operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    model.signatureDefs = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    Path(target).write_bytes(bytes(builder.Output()))


if __name__ == "__main__":
    main(*sys.argv[1:])
