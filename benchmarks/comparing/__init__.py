"""What benchmarks.comparison runs: other tools, and how their C is measured as patchc's is."""
