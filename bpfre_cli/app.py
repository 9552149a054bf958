"""The `bpfre` command: registers the subcommands, and turns every error into a sentence."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, ParamSpec, TypeVar

import typer

from bpfre.errors import BpfreError, UsageError
from bpfre_cli import console, weights
from bpfre_cli.evaluate import evaluate
from bpfre_cli.retouch import retouch
from bpfre_cli.synthesize import synthesize
from bpfre_cli.train import train
from bpfre_cli.version import version
from bpfre_cli.visualize import visualize

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

P = ParamSpec("P")
T = TypeVar("T")


class InterruptedRunError(BpfreError):
    """The user pressed Ctrl-C."""


def interruptible(command: Callable[P, T]) -> Callable[P, T]:
    """Hand Ctrl-C on as an error of ours: Typer would end the process without a word, or with another code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(
                "Stopped. Every file written is whole.", "Run the same command again to go on."
            ) from error

    return run


app = typer.Typer(
    name="bpfre",
    help="Remove blemishes from the faces in folders of photos and leave every other pixel alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(interruptible(retouch))
app.command()(interruptible(train))
app.command()(interruptible(synthesize))
app.command()(interruptible(visualize))
app.command()(interruptible(evaluate))
weights_app = typer.Typer(help="List, fetch and check network weights.", no_args_is_help=True)
weights_app.command("list")(interruptible(weights.show))
weights_app.command("fetch")(interruptible(weights.fetch))
weights_app.command("verify")(interruptible(weights.verify))
weights_app.command("path")(interruptible(weights.path))
app.add_typer(weights_app, name="weights")


def _print_version(wanted: bool) -> None:
    if wanted:
        console.say(f"bpfre {version()}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line. The only place where errors end.

    Exit codes: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted.
    """
    sys.exit(_run())


def _run() -> int:
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except Exception as error:
        if os.environ.get("BPFRE_DEBUG") == "1":
            console.fail(traceback.format_exc())
        return _explain(error)
    return 0


def _explain(error: Exception) -> int:
    if isinstance(error, BpfreError):
        console.fail(error.message, error.next_step)
        if isinstance(error, InterruptedRunError):
            return INTERRUPTED
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    if isinstance(error, MemoryError):
        console.fail("There is not enough memory.", "Try --batch-size 1, or close other programs.")
        return FAILED
    console.fail(
        f"bpfre met an error it did not expect: {type(error).__name__}: {error}.",
        "Set BPFRE_DEBUG=1 to see where, and report that on the project's issue page.",
    )
    return FAILED
