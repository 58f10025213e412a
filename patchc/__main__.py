"""`python -m patchc`: the command line."""

from patchc.cli import main

main(prog_name="patchc")
