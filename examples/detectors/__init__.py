"""What the examples of detectors share: photos, boxes, the C around a network and its decoding."""
