"""The wall of files: networks and exports that people bring, and what becomes of each.

    python -m benchmarks.wall [--only PATTERN]... [--again] [--quick] [--write]

Per row of tests/zoo/rows.txt: its file is made (or taken from the cache), quantised with noise
where it is float, compiled layer by layer and at a quarter of that RAM (else at half, else at the
least), and these programs are compared byte for byte. What came of it is kept in the cache, so that
a run that was stopped goes on. --quick only quantises and imports. --write puts what is known into
docs/wall.jsonl, a row a line, and the table of that into docs/wall.md: rows that nobody ran on this
machine stay as they are. Exit status 1: a row hangs, ends in a traceback or differs.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from tests.zoo.export import chosen, make
from tests.zoo.rows import Row, read_rows, wall_folder
from tests.zoo.trial import (
    COMPILE_LIMIT,
    HANG,
    NOT_EXPORTED,
    NOT_RUN,
    READ,
    TRACEBACK,
    WORKS,
    WRONG,
    Outcome,
    in_time,
)

PAGE = Path(__file__).resolve().parents[1] / "docs" / "wall.md"
RECORD = PAGE.with_suffix(".jsonl")
START, END = "<!-- table -->\n", "<!-- end of table -->\n"
BAD = (HANG, TRACEBACK, WRONG)
HEADING = """\
| source | network | form | image | result | layer by layer B | half | quarter | s | why |
|---|---|---|---|---|---|---|---|---|---|"""


def kept(row: Row) -> Path:
    """Where the outcome of a row is kept on this machine."""
    return wall_folder() / "outcomes" / f"{row.stem}.json"


def recorded(record: Path = RECORD) -> dict[str, Outcome]:
    """What the repository knows, by the keys of rows."""
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    return {outcome.key: outcome for outcome in map(Outcome.read, lines)}


def outcome_here(row: Row) -> Outcome:
    """What came of it on this machine."""
    if kept(row).is_file():
        return Outcome.read(kept(row).read_text(encoding="utf-8"))
    if row.failed.is_file() and not row.file.is_file():
        return Outcome(row.key, NOT_EXPORTED, row.failed.read_text("utf-8").splitlines()[0])
    return Outcome(row.key, NOT_RUN)


def outcome_of(row: Row, record: Mapping[str, Outcome]) -> Outcome:
    """What is known of it: of this machine, else of the repository. A quick look here says less
    than a whole run elsewhere."""
    here, there = outcome_here(row), record.get(row.key, Outcome(row.key, NOT_RUN))
    return there if here.status in (NOT_RUN, READ) and there.status != NOT_RUN else here


def run(row: Row, quick: bool) -> Outcome:
    """Make the file and try it."""
    reason = make(row)
    if reason is not None:
        return Outcome(row.key, NOT_EXPORTED, reason)
    outcome = in_time(row, quick=quick)
    kept(row).parent.mkdir(parents=True, exist_ok=True)
    kept(row).write_text(outcome.to_json(), encoding="utf-8")
    return outcome


def share(outcome: Outcome, part: int) -> str:
    """The column of a budget: yes, or the least that there is."""
    if not outcome.fits:
        return ""
    whole = outcome.fits[0].total_bytes
    if outcome.least_bytes > whole // part:
        return f"least {outcome.least_bytes / whole:.2f}"
    return "yes"


def reason_line(text: str, most: int = 220) -> str:
    """The first reason of a message, for a cell."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[1] if len(lines) > 1 and lines[0].endswith("not supported") else "".join(lines[:1])
    line = re.sub(r"^\S*\.onnx: ", "", line).replace("|", "\\|")
    return line if len(line) <= most else line[: most - 3] + "..."


def cells(row: Row, outcome: Outcome) -> list[str]:
    """A row of the table."""
    note = next((n for n in outcome.notes if "is not in the C" in n), "")
    return [
        row.source,
        row.network,
        row.form,
        "x".join(map(str, row.shape)),
        outcome.status,
        str(outcome.fits[0].total_bytes) if outcome.fits else "",
        share(outcome, 2),
        share(outcome, 4),
        f"{outcome.seconds:.0f}" if outcome.seconds else "",
        reason_line(outcome.reason or note),
    ]


def table(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> str:
    """The part of the page that is generated."""
    counts = Counter(outcome.status for outcome in outcomes)
    tried = sum(
        count for status, count in counts.items() if status not in (NOT_EXPORTED, NOT_RUN, READ)
    )
    fits = [fit for outcome in outcomes for fit in outcome.fits]
    slow = sum(fit.compile_seconds > COMPILE_LIMIT for fit in fits)
    compared = sum(fit.bytes_compared for fit in fits)
    words = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    part = f" ({counts[WORKS] / tried:.1%} of the {tried} that were tried work)" if tried else ""
    return "\n".join(
        [
            f"{len(rows)} rows: {words}{part}. {len(fits)} programs compared, {compared} bytes of "
            f"outputs; {slow} compilations took more than {COMPILE_LIMIT} s.",
            "",
            HEADING,
            *(
                "| " + " | ".join(cells(row, outcome)) + " |"
                for row, outcome in zip(rows, outcomes, strict=True)
            ),
        ]
    )


def line_of(outcome: Outcome) -> str:
    """Of the record; tracebacks stay in the cache."""
    return json.dumps(asdict(replace(outcome, detail=""))) + "\n"


@click.command()
@click.option("--only", multiple=True, help="Rows whose key fits, e.g. 'timm:*:dynamo'.")
@click.option("--again", is_flag=True, help="Rows that were tried already, too.")
@click.option("--not-working", is_flag=True, help="Of these, only those that do not work.")
@click.option("--quick", is_flag=True, help="Quantise and import only.")
@click.option("--write", is_flag=True, help="Put what is known into docs/wall.md; run nothing.")
def main(only: tuple[str, ...], again: bool, not_working: bool, quick: bool, write: bool) -> None:
    """Try the rows."""
    rows, record = read_rows(), recorded()
    for row in () if write else chosen(rows, only):
        known = outcome_of(row, record)
        tried = known.status not in (NOT_RUN, NOT_EXPORTED) and (quick or known.status != READ)
        if tried and (not again or (not_working and known.status in (WORKS, READ))):
            continue
        found = run(row, quick)
        click.echo(
            f"{time.strftime('%H:%M')} {found.seconds:6.1f} s  {row.key}  {found.status}  "
            f"{reason_line(found.reason)}"
        )
        sys.stdout.flush()
    outcomes = [outcome_of(row, record) for row in rows]
    text = table(rows, outcomes) + "\n"
    if write:
        before, rest = PAGE.read_text(encoding="utf-8").split(START)
        PAGE.write_text(before + START + text + END + rest.split(END)[1], encoding="utf-8")
        RECORD.write_text("".join(map(line_of, outcomes)), encoding="utf-8")
    click.echo(text.splitlines()[0])
    sys.exit(1 if any(outcome.status in BAD for outcome in outcomes) else 0)


if __name__ == "__main__":
    main()
