"""Every network of the zoo in every quantised form, on 20 photos each: table and JSON.

python -m examples.check_all --json build/check_all.json
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from examples.common import OUTPUT, Settings, evaluate, print_outcomes
from examples.zoo import NETWORKS
from patchc.cli import OneMessage

FORMS = (("qdq", "int8"), ("qdq", "uint8"), ("qoperator", "uint8"))


@click.command(cls=OneMessage)
@click.option("--only", type=click.Choice(list(NETWORKS)), multiple=True, help="Some networks.")
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(only: tuple[str, ...], output: Path, json_file: Path | None) -> int:
    """Check that the emitted C equals onnxruntime on real networks; exit code 1 if not."""
    outcomes = [
        evaluate(Settings(network, format_, activations, output=output)).outcome
        for network in only or NETWORKS
        for format_, activations in FORMS
    ]
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps([asdict(o) for o in outcomes], indent=1) + "\n")
    return print_outcomes(outcomes)


if __name__ == "__main__":
    main()
