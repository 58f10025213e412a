"""What became of the node tests, as rows of docs/backend-tests.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxruntime

from tests.golden.node_chain import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "backend-tests.md"

HEADING = """\
| operator | tests | pass | as they are | in a form | do not apply | why not |
|---|---|---|---|---|---|---|"""


def versions() -> str:
    """What the numbers depend on."""
    return f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}"


def row(operator: str, outcomes: Sequence[Outcome]) -> str:
    """One operator's row."""
    passed = [one.compiled[0].test for one in outcomes if one.compiled and not one.failures]
    plain = sum(not test.form for test in passed)
    cells = [
        f"`{operator}`",
        len(outcomes),
        len(passed),
        plain,
        len(passed) - plain,
        sum(not one.compiled for one in outcomes),
        "; ".join(f"{count}: {text}" for text, count in reasons(outcomes)),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def reasons(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    """Why tests do not apply, each kind by one of its texts, the most frequent first."""
    texts = sorted(one.reason for one in outcomes if not one.compiled)
    counts = Counter(map(_kind, texts))
    examples = {_kind(text): text for text in reversed(texts)}
    found = [(examples[kind].replace("|", "\\|"), count) for kind, count in counts.items()]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def form_counts(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How many tests that pass had what changed."""
    found: Counter[str] = Counter()
    for one in outcomes:
        for words in one.compiled[0].test.form if one.compiled else ():
            found["operands as constants" if words.endswith(" constant") else words] += 1
    return found


def _kind(reason: str) -> str:
    """The reason without names and numbers."""
    text = re.sub(r"'[^']*'|\[[^]]*\]|\([^)]*\)|\d+D", "...", reason)
    return re.sub(r"-?\d+(\.\d+)*", "N", text)
