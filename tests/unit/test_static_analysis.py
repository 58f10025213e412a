"""benchmarks/static_analysis.py: what a tool's text says, and what makes it fail."""

from __future__ import annotations

from pathlib import Path

from benchmarks.static_analysis import (
    DEVIATIONS,
    PAGE,
    ROOT,
    Deviation,
    Finding,
    page,
    parsed,
    read_deviations,
    surplus,
)

TEXT = f"""
{ROOT}/runtime_c/portable/patchc_add.c:12:3: warning: it may be wrong [-Wanalyzer-null-dereference]
{ROOT}/runtime_c/portable/patchc_add.c:12:3: warning: it may be wrong [-Wanalyzer-null-dereference]
{ROOT}/runtime_c/portable/patchc_add.c:12:3: note: here
/emitted/gate/net.c:7:1: style: misra violation [misra-c2012-12.1]
/emitted/gate/patchc_add.c:12:3: warning: the runtime's [rule]
/emitted/gate/net.c:9:1: warning: has two names [one-name,another]
"""
FOUND = [
    Finding("tool", "misra-c2012-12.1", "emitted/gate/net.c", 7, 1, "misra violation"),
    Finding("tool", "one-name", "emitted/gate/net.c", 9, 1, "has two names"),
    Finding(
        "tool",
        "-Wanalyzer-null-dereference",
        "runtime_c/portable/patchc_add.c",
        12,
        3,
        "it may be wrong",
    ),
]


def test_each_place_counts_once():
    roots = {ROOT: "", Path("/emitted"): "emitted/"}
    assert parsed("tool", TEXT, roots) == set(FOUND)
    assert [one.place for one in FOUND] == ["emitted", "emitted", "runtime"]


def test_what_is_not_listed_and_more_than_is_listed_fail():
    listed = [Deviation("tool", one.rule, 1, 1, "a reason") for one in FOUND]
    assert not surplus(FOUND, listed)
    assert surplus(FOUND, listed[1:]) == [
        "tool misra-c2012-12.1: 1 findings in emitted, 0 are listed"
    ]
    more = [*FOUND, Finding("tool", "one-name", "emitted/gate/net.c", 10, 1, "again")]
    assert surplus(more, listed) == ["tool one-name: 2 findings in emitted, 1 are listed"]
    other = [Deviation("another", one.rule, 1, 1, "a reason") for one in FOUND]
    assert len(surplus(FOUND, other)) == 3


def test_every_deviation_has_a_reason_and_the_page_has_every_deviation():
    listed = read_deviations(DEVIATIONS.read_text(encoding="utf-8"))
    assert len({(one.tool, one.rule) for one in listed}) == len(listed) > 0
    assert all(len(one.reason) > 20 and one.runtime + one.emitted > 0 for one in listed)
    assert PAGE.read_text(encoding="utf-8") == page(listed)
