"""Face detection with BlazeFace: from the network's four maps to boxes, in Python and in C."""
