"""A small network for handwritten digits, trained in PyTorch, and a folder of photos of digits.

    pip install 'patchc[train]'
    python -m examples.tutorial.train FOLDER

Writes FOLDER/digits.onnx, FOLDER/photos (for `patchc quantize --calibration`) and FOLDER/test (not
seen in training), whose files begin with the digit that they show. What this wrote once lies in
examples/tutorial/made. docs/tutorial.md goes on from there.
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Train, export, and write photos."""
    from examples.tutorial.training import make

    click.echo(make(folder))


if __name__ == "__main__":
    main()
