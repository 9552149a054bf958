from __future__ import annotations

from pathlib import Path

import pytest

from bpfre.errors import DataError
from bpfre.training.data.tables import Row, read_table


def test_csv_and_jsonl_say_the_same(tmp_path: Path) -> None:
    table, lines = tmp_path / "pairs.csv", tmp_path / "pairs.JSONL"
    table.write_text('\ufeffRaw, retouched ,split\na.png,b.png,train\n\n"c,d.png", e.png ,\nf.png,g.png,val\n', "utf-8")
    lines.write_text(
        '{"raw": "a.png", "retouched": "b.png", "split": "train"}\n\n{"raw": "c,d.png", "retouched": "e.png"}\n'
        '{"raw": "f.png", "retouched": "g.png", "split": "Validation", "note": 1}\n'
    )
    expected = [Row("a.png", "b.png", "train"), Row("c,d.png", "e.png", None), Row("f.png", "g.png", "validation")]
    assert read_table(table) == read_table(lines) == expected


def test_the_split_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("retouched,raw\nb.png,a.png\n")
    assert read_table(path) == [Row("a.png", "b.png", None)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "no column raw"),
        ("a.csv", "raw,target\na,b\n", "no column retouched"),
        ("a.csv", "raw,retouched\na.png\n", "Line 2"),
        ("a.csv", "raw,retouched\na.png,b.png\n,b.png\n", "Line 3"),
        ("a.csv", "raw,retouched,split\na.png,b.png,trian\n", "'trian'"),
        ("a.jsonl", '{"raw": "a.png", "retouched": "b.png"}\n["a", "b"]\n', "Line 2"),
        ("a.jsonl", "raw,retouched\n", "Line 1"),
        ("a.jsonl", '{"raw": "a.png", "retouched": 5}\n', "retouched"),
        ("a.jsonl", '{"raw": "a.png", "retouched": "b.png", "split": 3}\n', "'3'"),
        ("a.txt", "raw,retouched\n", ".csv or .jsonl"),
    ],
)
def test_faults_are_refused_with_their_place(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert words in str(caught.value) and str(path) in caught.value.message and caught.value.next_step


@pytest.mark.parametrize("content", [b"raw,retouched\n\xff\xfe.png,b.png\n", None])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "pairs.csv"
    if content:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert "pairs.csv" in caught.value.message
