"""Where the example photos are on this machine: in the checkout, or where the wheel put them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from bpfre.errors import UsageError


def example_photos() -> list[Path]:
    """Return the shipped example photographs, sorted.

    Raises:
        UsageError: this installation came without them.
    """
    checkout = Path(__file__).parents[3] / "examples" / "photos"
    photos = sorted(checkout.glob("*.jpg"))
    if not photos:
        try:
            shipped = metadata.files("bpfre") or []
        except metadata.PackageNotFoundError:
            shipped = []
        found = (Path(str(file.locate())) for file in shipped if "share/bpfre/photos" in file.as_posix())
        photos = sorted(path.resolve() for path in found if path.suffix == ".jpg" and path.is_file())
    if not photos:
        raise UsageError("The example photos are not installed here.", "Name photos or a folder of your own.")
    return photos
