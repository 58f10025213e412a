"""Is the emitted C right? Host build, golden comparisons with onnxruntime, byte for byte."""
