"""YOLOv8: from the three maps of its heads to boxes with a class, in Python and in C."""
