"""The cores: one data file each, and the kernels there are."""
