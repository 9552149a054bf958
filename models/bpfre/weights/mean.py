"""One network out of several that were trained from the same one: the mean of their weights.

What each of them learned besides the others' stays, and what only one of them took for true is halved (Wortsman et al.
2022, model soups). Run: python -m bpfre.weights.mean WEIGHTS WEIGHTS... --out FILE
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from bpfre.errors import BpfreError, UsageError
from bpfre.network import BPFRe
from bpfre.weights.files import load_network, read_record, save_network


def mean_of(networks: Sequence[BPFRe]) -> BPFRe:
    """Average the weights of networks of one configuration, at least one; they are left as they are.

    Raises:
        UsageError: they are of several configurations.
    """
    if len({network.config for network in networks}) > 1:
        raise UsageError(
            "These weights are of different networks, which have no mean.",
            "Name weights of one preset and its switches.",
        )
    states = [network.state_dict() for network in networks]
    mean = BPFRe(networks[0].config)
    mean.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    return mean.eval().requires_grad_(False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, average and write weights, in half precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        mean = mean_of([load_network(path) for path in options.weights])
        last = read_record(options.weights[-1])
        save_network(mean, options.out, last | {"mean": str(len(options.weights))}, half=True)
    except BpfreError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
