"""The report, totals and settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bpfre.errors import UsageError
from bpfre.retouching import FaceResult, LeftOut, PhotoResult, RetouchSettings, report_document, total, write_report

FACE = FaceResult(
    box=(1.0, 2.0, 51.0, 62.0),
    score=0.99,
    size=60.0,
    status="retouched",
    region=(0, 1, 60, 70),
    mean_change=1.5,
    max_change=9.0,
)
REFUSED = FaceResult(box=(0.0, 0.0, 9.0, 9.0), score=0.9, size=9.0, status="refused", reason="Too small.")
RESULTS = [
    PhotoResult(source=Path("in/z.jpg"), destination=Path("out/z.jpg"), status="failed", reason="Broken."),
    PhotoResult(
        source=Path("in/ä.jpg"), destination=Path("out/ä.jpg"), status="retouched", faces=(FACE, REFUSED), width=100
    ),
    PhotoResult(source=Path("in/a\udcff.jpg"), destination=Path("out/a\udcff.jpg"), status="copied"),
]


def test_report_holds_facts_totals_and_every_photo_by_source(tmp_path: Path) -> None:
    write_report(report_document(RESULTS, {"device": "cpu"}), tmp_path / "new" / "report.json")
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    assert report["device"] == "cpu"
    assert report["totals"] == {
        "photos": 3,
        "retouched": 1,
        "copied": 1,
        "skipped": 0,
        "failed": 1,
        "faces": 2,
        "faces_retouched": 1,
        "faces_unchanged": 0,
        "faces_refused": 1,
        "faces_skipped": 0,
    }
    assert [photo["source"] for photo in report["photos"]] == ["in/a\udcff.jpg", "in/z.jpg", "in/ä.jpg"]
    assert report["photos"][1]["reason"] == "Broken."
    assert report["photos"][2]["faces"][0] == {
        "box": [1.0, 2.0, 51.0, 62.0],
        "score": 0.99,
        "size": 60.0,
        "status": "retouched",
        "region": [0, 1, 60, 70],
        "reason": "",
        "mean_change": 1.5,
        "max_change": 9.0,
    }


def test_report_names_what_was_left_out() -> None:
    document = report_document([], {}, [LeftOut(Path("in/b.gif"), "It is a GIF.")])
    assert document["left_out"] == [{"source": "in/b.gif", "reason": "It is a GIF."}]
    assert report_document([], {})["left_out"] == []


def test_report_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_report({"value": object()}, path)
    assert [item.read_text() for item in tmp_path.iterdir()] == ["old"]


def test_nothing_totals_to_nothing() -> None:
    assert total([]).photos == total([]).faces == 0


@pytest.mark.parametrize(
    "values",
    [
        {"strength": 1.1},
        {"strength": float("nan")},
        {"batch_size": 0},
        {"min_face": 0},
        {"existing": "ask"},
        {"open_megapixels": 0},
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        RetouchSettings(**values)
