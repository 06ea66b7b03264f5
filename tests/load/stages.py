"""Where the time goes within the bot: from the figures of its processes, and from the inbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

Totals = dict[str, tuple[float, float]]  # stage → seconds in all, how often


async def read_totals(addresses: Iterable[str]) -> Totals:
    """What the processes at these addresses have measured since they began, every histogram of seconds in one sum."""
    totals: Totals = {}
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        for address in addresses:
            with suppress(httpx2.HTTPError):
                for stage, (seconds, times) in _histograms((await http.get(f"{address}/metrics")).text).items():
                    before = totals.get(stage, (0.0, 0.0))
                    totals[stage] = (before[0] + seconds, before[1] + times)
    return totals


def between(before: Totals, after: Totals) -> Mapping[str, tuple[float, int]]:
    """For each stage its mean in milliseconds and how often it was gone through meanwhile."""
    found = {}
    for stage, (seconds, times) in after.items():
        earlier = before.get(stage, (0.0, 0.0))
        if count := round(times - earlier[1]):
            found[stage] = ((seconds - earlier[0]) / count * 1000, count)
    return found


def of_inbox(database: Path) -> Mapping[str, tuple[float, int]]:
    """From an update's being kept to its being done with, on SQLite."""
    asked = "SELECT avg(julianday(done_at) - julianday(received_at)) * 86400000, count(*) FROM inbox WHERE done_at > 0"
    with closing(sqlite3.connect(database)) as connection:
        mean, count = connection.execute(asked).fetchone()
    return {"kept until done with": (mean, count)} if count else {}


def _histograms(text: str) -> Totals:
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        if family.type != "histogram" or not family.name.endswith("_seconds"):
            continue
        for sample in family.samples:
            labels = "".join(f" {value}" for name, value in sorted(sample.labels.items()) if name != "le")
            stage = family.name.removeprefix("biciulis_").removesuffix("_seconds").replace("_", " ") + labels
            if sample.name.endswith("_sum"):
                sums[stage] = sample.value
            elif sample.name.endswith("_count"):
                counts[stage] = sample.value
    return {stage: (sums.get(stage, 0.0), count) for stage, count in counts.items()}
