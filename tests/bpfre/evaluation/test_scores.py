"""Means, spread and tables of scores."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from bpfre.evaluation.gauges import Column, Gauges, Missing
from bpfre.evaluation.measuring import LeftOut
from bpfre.evaluation.scores import Score, Spread, summarise
from bpfre.evaluation.tables import summary_document, table_of, write_scores, write_summary

COLUMNS = (Column("psnr", "PSNR dB", "higher", 2, ""), Column("identity", "identity", "higher", 3, ""))


def score(pair: str, method: str, psnr: float, identity: float | None = None) -> Score:
    return Score(pair, method, 10, 20, 0.25, {"psnr": psnr, "identity": identity})


@pytest.fixture
def scores() -> list[Score]:
    return [
        score("ä, 1.png", "unedited", 40.0),
        score("ä, 1.png", "mine", 44.0, 0.9),
        score("2.png", "unedited", 46.0),
        score("2.png", "mine", 45.0),
        score("3.png", "unedited", 43.0),
        score("3.png", "mine", math.inf),
    ]


def test_means_leave_infinite_values_out_and_count_them(scores: list[Score]) -> None:
    unedited, mine = summarise(scores, COLUMNS)
    assert (unedited.method, mine.method) == ("unedited", "mine")
    assert unedited.columns["psnr"] == Spread(3, 0, 43.0, 3.0, 43.0)
    assert mine.columns["psnr"] == Spread(2, 1, 44.5, pytest.approx(math.sqrt(0.5)), 45.0)
    assert mine.columns["identity"] == Spread(1, 0, 0.9, None, 0.9)
    assert unedited.columns["identity"] == Spread(0, 0, None, None, None)
    assert unedited.beats_unedited is None and mine.beats_unedited == pytest.approx(2 / 3)


def test_the_table_shows_mean_and_spread(scores: list[Score]) -> None:
    head, rows = table_of(summarise(scores, COLUMNS), COLUMNS)
    assert head == ["method", "PSNR dB ↑", "identity ↑"]
    assert rows == [["unedited", "43.00\n± 3.00", "-"], ["mine", "44.50\n± 0.71\n(1 inf)", "0.900"]]


def test_what_nobody_has_is_no_column_and_perfect_is_infinite() -> None:
    head, rows = table_of(summarise([score("a", "mine", math.inf)], COLUMNS), COLUMNS)
    assert head == ["method", "PSNR dB ↑"] and rows == [["mine", "inf"]]


def test_files_hold_everything(tmp_path: Path, scores: list[Score]) -> None:
    write_scores(tmp_path / "new" / "scores.csv", scores, COLUMNS)
    with (tmp_path / "new" / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["unedited", "mine"] * 3
    assert rows[1] == {
        "pair": "ä, 1.png",
        "method": "mine",
        "width": "10",
        "height": "20",
        "edited_area": "0.25",
        "psnr": "44",
        "identity": "0.9",
    }
    assert rows[0]["identity"] == "" and math.isinf(float(rows[5]["psnr"]))
    gauges = Gauges((), (Missing("LPIPS", "Not here."),))
    document = summary_document(summarise(scores, COLUMNS), gauges, [LeftOut("4.png", "Broken.")], {"size": 512})
    write_summary(tmp_path / "summary.json", document)
    read = json.loads((tmp_path / "summary.json").read_text())
    assert read["size"] == 512 and read["left_out"] == [{"pair": "4.png", "reason": "Broken."}]
    assert read["not_measured"] == [{"title": "LPIPS", "reason": "Not here."}]
    assert read["methods"][1]["columns"]["psnr"]["infinite"] == 1
