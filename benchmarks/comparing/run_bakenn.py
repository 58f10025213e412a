"""bakenn's C of a TensorFlow Lite file: python run_bakenn.py FILE FOLDER KERNELS.

Runs in a Python that has bakenn. KERNELS: "portable", or "optimized" for all that its authors offer
for a Cortex-M4, CMSIS-NN among it.
"""

import sys

import bakenn


def main(source, folder, kernels):
    """Writes the folder."""
    own = kernels == "portable"
    policy = bakenn.KernelPolicy
    options = bakenn.CBackendOptions(
        kernel_policy=policy.PORTABLE if own else policy.STATIC_PRIORITY,
        enable_cmsis_nn=not own,
        target=bakenn.CORTEX_M4,
    )
    try:
        bakenn.compile_tflite(source, folder, name="net", backend_options=options)
    except bakenn.CompileError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
