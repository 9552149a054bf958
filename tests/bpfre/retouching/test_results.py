"""Faces survive the way through JSON, and nothing else passes for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bpfre.retouching import FaceResult
from bpfre.retouching.results import from_facts, to_facts

FACES = (
    FaceResult(box=(1.5, 2.0, 30.0, 40.5), score=0.99, size=38.5, status="retouched", region=(0, 1, 50, 60)),
    FaceResult(box=(0.0, 0.0, 9.0, 9.0), score=0.5, size=9.0, status="refused", reason="Too small."),
)


def plain() -> dict[str, Any]:
    return json.loads(json.dumps(to_facts(FACES, "A note.")))


def test_faces_come_back_as_they_were() -> None:
    assert from_facts(plain()) == (FACES, "A note.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("box", [1, 2, 3]),
        ("box", [1, 2, 3, float("nan")]),
        ("box", None),
        ("score", "high"),
        ("score", float("inf")),
        ("size", None),
        ("status", "<b>"),
        ("region", [1, 2]),
        ("region", [float("inf"), 1, 2, 3]),
        ("mean_change", []),
    ],
)
def test_other_values_are_refused(name: str, value: object) -> None:
    facts = plain()
    facts["faces"][0][name] = value
    with pytest.raises(ValueError):
        from_facts(facts)


@pytest.mark.parametrize("facts", [{}, {"faces": []}, {"faces": None, "note": ""}, {"faces": [3], "note": ""}])
def test_other_shapes_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no facts"):
        from_facts(facts)
