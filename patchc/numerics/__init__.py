"""Integer forms of onnxruntime's float32 requantisation, and the proofs that they equal it."""
