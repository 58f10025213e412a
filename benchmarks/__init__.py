"""Measurements, and the figures in docs/. Kernels are patchc's own unless a command says otherwise,
also where CMSIS-NN is installed."""

import os

os.environ["CMSIS_NN_DIR"] = ""
