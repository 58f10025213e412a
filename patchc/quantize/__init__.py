"""Float ONNX -> quantised ONNX, with calibration samples."""
