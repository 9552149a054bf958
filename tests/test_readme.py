"""What the README promises is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_complaint_has_its_test() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ((?:\[`test_\w+`\]\([^)]+\)(?:, )?)+) \|$", readme, re.MULTILINE)
    assert len(rows) == 25
    for complaint, proofs in rows:
        for name, path in re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", proofs):
            assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), complaint


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "benchmarks").rglob("*.md"), *(ROOT / "models").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
