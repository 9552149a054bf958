from __future__ import annotations

import pytest

from bpfre.training.data.samples import ffhq_number, identity, in_ffhq_folder


@pytest.mark.parametrize(
    ("name", "number", "foldered"),
    [
        ("00000.png", 0, False),
        ("00000/00999.png", 999, True),
        ("images1024x1024/69000/69999.webp", 69999, True),
        ("ffhq/01234.png", 1234, False),
        ("70000.png", None, False),
        ("1234.png", None, False),
        ("012345.png", None, False),
        ("a00000.png", None, False),
        ("00000.a.png", None, False),
        ("01000/00999.png", None, False),  # not where FFHQ has it
        ("7/00999.png", None, False),
    ],
)
def test_names_of_ffhq_are_told_from_others(name: str, number: int | None, foldered: bool) -> None:
    assert ffhq_number(name) == number
    assert in_ffhq_folder(name) is foldered


def test_photos_of_one_person_have_one_identity() -> None:
    assert identity("london/neutral/001_03.jpg") == identity("smiling/001_08.png") == "001"
    assert identity("00012.png") == identity("00000/00012.png") == identity("raw/00012.webp")
    assert identity("raw/a/face.png") == identity("Retouched/a/face.jpg") == identity("a/face.png")


def test_other_photos_are_people_of_their_own() -> None:
    names = ["a.jpg", "b.jpg", "p/a.jpg", "q/a.jpg", "a_1.jpg", "a_2.jpg", "12.jpg", "raw.jpg"]
    assert len({identity(name) for name in names}) == len(names)
