"""Independent tunnels: an ONNX network rewritten so that its patches ignore each other."""
