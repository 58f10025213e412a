"""tflite-micro's answers: python run_tflite_micro.py FILE INPUTS.npy OUTPUTS.npy.

Runs in a Python that has tflite-micro. Says on stderr what of the arena is used.
"""

import sys

import numpy as np
from tflite_micro import runtime

ARENA = 16 << 20  # bytes, for any network


def main(source, inputs, outputs):
    """Writes the file `outputs`."""
    interpreter = runtime.Interpreter.from_file(source, arena_size=ARENA)
    found = []
    for case in np.load(inputs):
        interpreter.set_input(case[np.newaxis], 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0).ravel())
    np.save(outputs, np.stack(found))
    interpreter.print_allocations()


if __name__ == "__main__":
    main(*sys.argv[1:])
