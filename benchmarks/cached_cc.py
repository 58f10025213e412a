"""A compiler that remembers: python -S cached_cc.py FOLDER COMPILER ARGUMENTS.

Of many networks that are built one after the other most files are the same kernels. An object is
known by the compiler, its arguments and the preprocessed text; what is known is copied. Any other
call (linking, for one) goes to the compiler as it is. Only the standard library, which starts fast.
"""

import hashlib
import os
import shutil
import subprocess
import sys


def main(folder, compiler, *arguments):
    """The compiler's exit status."""
    command = [compiler, *arguments]
    if "-c" not in arguments or "-o" not in arguments:
        return subprocess.call(command)
    place = arguments.index("-o") + 1
    target, rest = arguments[place], [*arguments[: place - 1], *arguments[place + 1 :]]
    text = subprocess.run(
        [compiler, *(word for word in rest if word != "-c"), "-E"], stdout=subprocess.PIPE
    )
    if text.returncode:
        return text.returncode
    key = hashlib.sha256("\0".join([compiler, *rest]).encode() + b"\0" + text.stdout).hexdigest()
    known = os.path.join(folder, key + ".o")
    if not os.path.exists(known):
        status = subprocess.call(command)
        if status == 0:
            scratch = f"{known}.{os.getpid()}"
            shutil.copyfile(target, scratch)
            os.replace(scratch, known)
        return status
    shutil.copyfile(known, target)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
