"""`bpfre weights`: what weights there are, where they are, and whether they are sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfre.errors import UsageError, WeightsError
from bpfre_cli import console, options

if TYPE_CHECKING:
    from bpfre.weights.published import WeightsFile

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAMES]...", help="As bpfre weights list shows them.")]


def show(as_json: options.Json = False) -> None:
    """List all weights that bpfre knows: what for, sha256, licence, source, size, and where they are.

    Example: bpfre weights list
    """
    from bpfre.weights.catalog import CATALOG

    if as_json:
        console.document({"weights": [dict(_facts(known)) for known in CATALOG.values()]})
        return
    for known in CATALOG.values():
        facts = dict(_facts(known))
        facts["size"] = f"{known.size / 1e6:.1f} MB"
        facts["here"] = facts["here"] or f"no: bpfre weights fetch {known.name}"
        console.table(known.name, [(key, str(value)) for key, value in facts.items() if key != "name"])


def fetch(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are not here yet.")] = False,
) -> None:
    """Download weights into the user's cache; what is cut off goes on next time.

    BPFRE_CACHE names another cache; BPFRE_OFFLINE=1 forbids all downloads.

    Example: bpfre weights fetch retinaface
    """
    if not names and not everything:
        raise UsageError("No weights were named.", "Name some of those that bpfre weights list shows, or give --all.")
    if names and everything:
        raise UsageError("Names and --all were given.", "Give one of them.")
    _for_each(_chosen(names), _fetch)


def verify(names: Names = None) -> None:
    """Check the sha256 of weights on this machine: of all, or of those that are named, which must be there.

    Example: bpfre weights verify
    """

    def check(known: WeightsFile) -> None:
        path = known.find()
        if path is None and not names:
            console.say(f"{known.name}: not on this machine")
        else:
            console.say(f"{known.name}: sound, {_verified(known)}")

    _for_each(_chosen(names), check)


def path(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="As bpfre weights list shows it.")] = None,
) -> None:
    """Print where weights are; without a name, the folder that downloads go to.

    Example: bpfre weights path starter
    """
    from bpfre.weights.catalog import known_weights
    from bpfre.weights.published import weights_folder

    if name is None:
        console.say(str(weights_folder()))
        return
    console.say(str(_found(known_weights(name))))


def _facts(known: WeightsFile) -> Iterator[tuple[str, str | int | None]]:
    from bpfre.weights.published import PublishedFile

    found = known.find()
    yield "name", known.name
    yield "for", known.purpose
    yield "size", known.size
    yield "sha256", known.sha256
    yield "licence", known.licence
    yield "source", known.source
    if isinstance(known, PublishedFile):
        yield "url", known.url
    yield "here", None if found is None else str(found)


def _chosen(names: list[str] | None) -> list[WeightsFile]:
    from bpfre.weights.catalog import CATALOG, known_weights

    return [known_weights(name) for name in dict.fromkeys(names or CATALOG)]


def _for_each(chosen: Iterable[WeightsFile], act: Callable[[WeightsFile], None]) -> None:
    """Act on all; those that fail are reported and do not stop the others."""
    failed = False
    for known in chosen:
        try:
            act(known)
        except WeightsError as error:
            console.fail(error.message, error.next_step)
            failed = True
    if failed:
        raise typer.Exit(1)


def _found(known: WeightsFile) -> Path:
    found = known.find()
    if found is None:
        raise WeightsError(f"The {known.title} weights are not on this machine.", known.how_to_get)
    return found


def _verified(known: WeightsFile) -> Path:
    from bpfre.weights.published import verify as verify_file

    found = _found(known)
    verify_file(found, known)
    return found


def _fetch(known: WeightsFile) -> None:
    from bpfre.weights.fetch import fetch as download
    from bpfre.weights.published import PublishedFile

    try:
        console.say(f"{known.name}: there already, {_verified(known)}")
        return
    except WeightsError:
        if not isinstance(known, PublishedFile):
            raise
    with console.download_progress(known.title, known.size) as tell:
        download(known, tell=tell)
    console.say(f"{known.name}: downloaded, {_verified(known)}")
