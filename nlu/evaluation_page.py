"""The figures of an evaluation as a page with pictures that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .2rem .7rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr:nth-child(even) { background: #f2f5f8 }
.bad { color: #b3261e; font-weight: 600 } .bar { display: flex; width: 18rem; height: 1rem }
.right { background: #2e7d32 } .asked { background: #9ccc65 }
.sent_on { background: #b0bec5 } .wrong { background: #c62828 }
""".strip()
SIDE = 320


def page(found: Mapping[str, Any], limits: Mapping[str, tuple[float, float]]) -> str:
    """A whole HTML document. `limits`: floor (or ceiling) and aim of each figure that has one."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>How well messages are understood</title>'
        f"<style>{STYLE}</style><h1>How well messages are understood</h1>"
        f"<p>{found['messages']} messages that the model never learned from.</p>"
        + _limits(found, limits)
        + "<h2>By language</h2>"
        + _groups(found["languages"])
        + "<h2>By register</h2>"
        + _groups(found["registers"])
        + "<p>Green: answered rightly; light green: asked back, the right topic among the choices; grey: sent on to "
        "a person; red: answered wrongly.</p><h2>Is it as sure as it is right?</h2>"
        + _calibration(found["calibration"])
        + "<h2>Most frequent confusions</h2>"
        + _rows(["meant", "found", "times"], found["confusions"])
    )


def _limits(found: Mapping[str, Any], limits: Mapping[str, tuple[float, float]]) -> str:
    rows = []
    for name, (floor, aim) in limits.items():
        upward = aim > floor
        bad = found[name] < floor if upward else found[name] > floor
        value = f'<span class="bad">{found[name]:.3f}</span>' if bad else f"{found[name]:.3f}"
        rows.append(f"<tr><td>{escape(name.replace('_', ' '))}<td>{value}<td>{floor}<td>{aim}")
    return f"<table><tr><th>what<th>measured<th>limit<th>aim{''.join(rows)}</table>"


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, each in groups.items():
        bar = "".join(
            f'<span class="{outcome}" style="width:{100 * share:.1f}%" title="{outcome} {share:.3f}"></span>'
            for outcome, share in each["outcomes"].items()
        )
        rows.append(
            f"<tr><td>{escape(name)}<td>{each['messages']}<td>{each['right']:.3f}<td>{each['among_three']:.3f}"
            f"<td>{each['out_of_scope_found']:.3f}<td>{each['answered_out_of_scope']:.3f}"
            f'<td><div class="bar">{bar}</div>'
        )
    head = "<tr><th><th>messages<th>right first<th>among three<th>out of scope found<th>… answered<th>outcomes"
    return f"<table>{head}{''.join(rows)}</table>"


def _calibration(bins: Sequence[Sequence[float]]) -> str:
    """A reliability diagram: on the dashed line, confidence and share of right ones are the same."""
    dots = "".join(
        f'<circle cx="{sure * SIDE:.1f}" cy="{(1 - right) * SIDE:.1f}" r="{3 + many**0.5 / 6:.1f}" fill="#2b5f8f" '
        f'fill-opacity=".6"><title>sure {sure:.2f}, right {right:.2f}, {many} messages</title></circle>'
        for sure, right, many in bins
    )
    return (
        f'<svg width="{SIDE + 80}" height="{SIDE + 50}" viewBox="-50 -10 {SIDE + 80} {SIDE + 50}" role="img" '
        f'aria-label="Confidence against share of right answers"><rect width="{SIDE}" height="{SIDE}" fill="none" '
        f'stroke="#9db2c4"/><path d="M0 {SIDE}L{SIDE} 0" stroke="#9db2c4" stroke-dasharray="4 4"/>{dots}'
        f'<text x="{SIDE / 2}" y="{SIDE + 30}" text-anchor="middle">confidence</text>'
        f'<text x="-{SIDE / 2}" y="-30" transform="rotate(-90)" text-anchor="middle">share right</text></svg>'
    )


def _rows(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in row) for row in rows)
    return f"<table><tr>{''.join(f'<th>{each}' for each in head)}{body}</table>"
