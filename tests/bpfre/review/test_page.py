"""The file itself: whole, escaped, sealed off, and never in another file's place."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from bpfre.errors import PhotoError, UsageError
from bpfre.review.entries import link
from bpfre.review.page import PAGE, check_page, render, write_page

HOSTILE = ["<script>alert(1)</script>.jpg", "</script><img src=x onerror=alert(1)>.jpg", "a&quot;\"'`.jpg", "<!--.jpg"]
HOSTILE += ["\u2028\u2029.jpg", "{{script}}{{data}}.jpg", "javascript:alert(1).jpg", "\udcff\udc80.jpg", "\\u003c.jpg"]


class Elements(HTMLParser):
    """The elements of a page and the text in its scripts and styles."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(page.decode("ascii"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if tag in ("script", "style") and data.strip():
            self.texts.setdefault(f"{tag} {attributes.get('type', '')}".strip(), data)


def test_data_come_back_as_they_were() -> None:
    document = {"title": HOSTILE[0], "photos": [{"name": name} for name in HOSTILE]}
    elements = Elements(render(document))
    assert json.loads(elements.texts["script application/json"]) == document


def test_hostile_names_add_no_element() -> None:
    plain = [tag for tag, _ in Elements(render({"photos": []})).tags]
    assert [tag for tag, _ in Elements(render({"title": HOSTILE[1], "photos": HOSTILE})).tags] == plain


def test_the_policy_allows_this_script_and_style_alone_and_no_network() -> None:
    elements = Elements(render({"photos": []}))
    policy = next(a["content"] for _, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(elements.texts[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe" not in policy


def test_nothing_is_fetched_from_elsewhere() -> None:
    page = render({"photos": []}).decode()
    assert not re.search(r"https?:|//[a-z]+\.[a-z]|@import|url\(", page)
    loaded = [attributes for _, attributes in Elements(page.encode()).tags if {"src", "href"} & attributes.keys()]
    assert loaded == []


@pytest.mark.parametrize("name", [*HOSTILE, "plain.jpg", "day one/ü ñ 写真.jpg", "100%25.jpg", "a?b#c.jpg", "..jpg"])
def test_links_hold_no_character_with_a_meaning(tmp_path: Path, name: str) -> None:
    address = link(tmp_path / "photos" / name, tmp_path / "clean")
    assert re.fullmatch(r"[\w.~%/-]+", address, re.ASCII)
    assert unquote_to_bytes(address) == b"../photos/" + name.encode("utf-8", "surrogateescape")


def test_infinite_numbers_are_a_defect_not_a_broken_page() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render({"photos": [], "share": float("nan")})


def test_a_page_is_replaced_by_a_page(tmp_path: Path) -> None:
    check_page(tmp_path / "not there")
    check_page(tmp_path)
    write_page({"photos": []}, tmp_path / PAGE)
    check_page(tmp_path)
    write_page({"photos": [], "title": "second"}, tmp_path / PAGE)
    assert b"second" in (tmp_path / PAGE).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [PAGE]


@pytest.mark.parametrize("kind", ["text", "folder"])
def test_another_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    (tmp_path / PAGE).mkdir() if kind == "folder" else (tmp_path / PAGE).write_text("<html>my review</html>")
    with pytest.raises(UsageError, match="no review page"):
        check_page(tmp_path)


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_page({"photos": []}, tmp_path / PAGE)
    before = (tmp_path / PAGE).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PhotoError, match="the disk is full"):
        write_page({"photos": ["new"]}, tmp_path / PAGE)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]
