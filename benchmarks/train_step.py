"""What one full training step costs: the network and the discriminator, all losses, forward, backward and update.

Run: python benchmarks/train_step.py [--preset paper] [--size 512] [--phi none]

Prints seconds, the largest memory so far, and the size of both networks.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch
from rich.console import Console
from rich.table import Table

from bpfre.network import position_grid, preset
from bpfre.network.cost import discriminator_cost, network_cost
from bpfre.network.perceptual import build_phi
from bpfre.runtime import pick_device, tune_allocator
from bpfre.training import open_accelerator, recipe
from bpfre.training.data import Batch, Role
from bpfre.training.learner import Learner


def random_batch(count: int, side: int) -> Batch:
    """Noise in place of faces: the arithmetic is the same. Half of the windows have a target."""
    generator = torch.Generator().manual_seed(0)
    raw = torch.rand(count, 3, side, side, generator=generator)
    target = (raw + 0.1 * (torch.rand(count, 1, side, side, generator=generator) > 0.95)).clamp(0, 1)
    position = position_grid(side, side, device=raw.device, dtype=raw.dtype).repeat(count, 1, 1, 1)
    roles = [Role.SUPERVISED if index % 2 == 0 else Role.UNPAIRED for index in range(count)]
    return Batch(raw, target, position, torch.tensor([int(role) for role in roles]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--phi", default="none")
    parser.add_argument("--steps", type=int, default=2, help="the first one is shown apart: it warms up")
    options = parser.parse_args()
    tune_allocator()
    config = recipe(options.preset, size=options.size, adv_synt=1.0, adv_start=0.0, phi=options.phi)
    count = options.batch_size or config.batch_size
    device = pick_device()
    accelerator = open_accelerator(device, config.precision)
    shape = preset(options.preset, size=options.size)
    learner = Learner(shape, config, accelerator, build_phi(options.phi, device=device))
    batch = random_batch(count, config.window)
    table = Table(title=f"{options.preset}: {count} x {config.window} px on {device}, phi {options.phi}")
    for column in ("step", "seconds", "peak memory [GiB]", "loss", "adv_disc"):
        table.add_column(column, justify="right")
    for step in range(options.steps):
        began = time.perf_counter()
        learner.clear()
        row, _ = learner.gradients([batch] * config.accumulate, step, adversarial=True)
        learner.apply(step, adversarial=True)
        seconds = time.perf_counter() - began
        table.add_row(
            str(step), f"{seconds:.1f}", f"{peak_memory(device):.1f}", f"{row['loss']:.3f}", f"{row['adv_disc']:.3f}"
        )
    console = Console()
    console.print(table)
    for name, cost in (("network", network_cost(shape, options.size)), ("D", discriminator_cost(shape, options.size))):
        console.print(f"{name}: {cost.parameters / 1e6:.2f} M parameters, {cost.flops / 1e9:.1f} GFLOP a crop")


def peak_memory(device: str) -> float:
    """Largest memory so far [GiB]: of the GPU, or of the process."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
