"""The networks of a run with their optimisers, and what one batch does to them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from bpfre.errors import UsageError
from bpfre.network import BPFRe, BPFReConfig, PixelDiscriminator
from bpfre.network.handover import hand_over
from bpfre.network.perceptual import Perceptual
from bpfre.training.checkpoint import load_state, save_state
from bpfre.training.config import TrainConfig
from bpfre.training.data import Batch
from bpfre.training.losses import (
    discriminator_adversarial,
    discriminator_input,
    edit_measures,
    generator_adversarial,
    supervised_losses,
    total_loss,
)
from bpfre.training.schedule import rate_factor

Row = dict[str, float]


class Learner:
    """Network, its average, discriminator and optimisers of one run.

    Args:
        shape: of the network.
        config: the run. Without `adv_synt` there is no discriminator.
        accelerator: device, precision and processes.
        phi: network of the perceptual term, or None.
    """

    def __init__(
        self, shape: BPFReConfig, config: TrainConfig, accelerator: Accelerator, phi: Perceptual | None
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.accelerator, self.phi = config, accelerator, phi
        device = accelerator.device
        self.network = BPFRe(shape).to(device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
        )
        self.discriminator: PixelDiscriminator | None = None
        self.disc_optimizer: torch.optim.Optimizer | None = None
        self._wrapped_network: nn.Module = accelerator.prepare(self.network)
        self._wrapped_discriminator: nn.Module | None = None
        if config.adv_synt:
            disc = PixelDiscriminator(shape.discriminator_channels).to(device).to(memory_format=torch.channels_last)
            self.discriminator = disc
            self.disc_optimizer = torch.optim.AdamW(
                disc.parameters(), lr=config.disc_lr, betas=config.disc_betas, weight_decay=config.weight_decay
            )
            self._wrapped_discriminator = accelerator.prepare(disc)

    def save(self, path: Path, step: int) -> None:
        """Write everything that the next step depends on."""
        save_state(path, step=step, modules=self._modules(), optimizers=self._optimizers())

    def load(self, path: Path) -> int:
        """Go back to a saved state. Returns the number of steps done."""
        return load_state(path, modules=self._modules(), optimizers=self._optimizers())

    def start_from(self, network: BPFRe) -> None:
        """Take over the weights of a trained network.

        Raises:
            UsageError: it is of another shape.
        """
        try:
            state = hand_over(network, self.network.config)
        except ValueError as error:
            raise UsageError(
                "The weights to start from are those of another network.",
                "Choose their preset and size, or leave out --init.",
            ) from error
        for module in (self.network, self.average):
            module.load_state_dict(state)

    def gradients(self, batches: Iterable[Batch], step: int, *, adversarial: bool) -> tuple[Row, Batch]:
        """Compute the gradients of one step.

        Args:
            batches: `config.accumulate` batches.
            step: decides the learning rates.
            adversarial: whether the adversarial terms take part.

        Returns:
            Losses by their names, the gradients' norms, and what was reproduced, as means over batches and
            processes; and the last batch.
        """
        factor = rate_factor(step, self.config)
        self._set_rate(self.optimizer, self.config.lr * factor)
        if self.disc_optimizer:
            self._set_rate(self.disc_optimizer, self.config.disc_lr * factor)
        pending = list(batches)
        rows = [self._backward(self._to_device(batch), adversarial, final=batch is pending[-1]) for batch in pending]
        row = {name: sum(r[name] for r in rows) / len(rows) for name in rows[0]}
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        row |= {"gradient": float(norm), "lr": self.config.lr * factor}
        if adversarial and self.discriminator:
            clipped = nn.utils.clip_grad_norm_(self.discriminator.parameters(), self.config.clip)
            row["gradient_disc"] = float(clipped)
        return row, pending[-1]

    def apply(self, step: int, *, adversarial: bool) -> None:
        """Take the step that the gradients ask for and update the averaged weights."""
        self.optimizer.step()
        if adversarial and self.disc_optimizer:
            self.disc_optimizer.step()
        # The average follows quickly at first: the start is no part of it.
        decay = self.config.ema if step > 200 else min(self.config.ema, step / (step + 10))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value, 1 - decay)

    def _backward(self, batch: Batch, adversarial: bool, *, final: bool) -> Row:
        share = 1 / self.config.accumulate
        with self._sync(self._wrapped_network, final):
            out = self._wrapped_network(batch.raw, batch.position)
            losses = supervised_losses(out, batch, self.config, self.phi)
            if adversarial and self.discriminator:
                with frozen(self.discriminator), self.accelerator.autocast():
                    logits = self.discriminator(out.refined)
                losses["adv_synt"] = generator_adversarial(logits.float(), out.map_d2g, batch, self.config)
            loss = total_loss(losses, self.config)
            self.accelerator.backward(loss * share)
        row = {name: float(value.detach()) for name, value in losses.items()} | {"loss": float(loss.detach())}
        if adversarial and self._wrapped_discriminator:
            with self._sync(self._wrapped_discriminator, final):
                logits = self._wrapped_discriminator(discriminator_input(batch, out.refined.detach()))
                disc = discriminator_adversarial(logits.float(), out.map_d2g.detach(), batch, self.config)
                self.accelerator.backward(disc * self.config.adv_disc * share)
            row["adv_disc"] = float(disc.detach())
        for name, image in (("coarse", out.coarse), ("refined", out.refined)):
            row |= {f"{k}_{name}": v for k, v in edit_measures(image.detach(), batch, self.config).items()}
        return row

    def clear(self) -> None:
        """Forget gradients."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.disc_optimizer:
            self.disc_optimizer.zero_grad(set_to_none=True)

    def _to_device(self, batch: Batch) -> Batch:
        device = self.accelerator.device
        raw, target, position = (
            t.to(device, memory_format=torch.channels_last) for t in (batch.raw, batch.target, batch.position)
        )
        notes = None if batch.notes is None else batch.notes.to(device)
        return Batch(raw, target, position, batch.role.to(device), notes)

    def _sync(self, module: nn.Module, final: bool) -> AbstractContextManager[None]:
        """Gradients travel between processes with the last batch of a step only."""
        return nullcontext() if final else self.accelerator.no_sync(module)

    def _modules(self) -> dict[str, nn.Module]:
        modules: dict[str, nn.Module] = {"network": self.network, "average": self.average}
        return modules | ({"discriminator": self.discriminator} if self.discriminator else {})

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        optimizers: dict[str, torch.optim.Optimizer] = {"optimizer": self.optimizer}
        return optimizers | ({"disc_optimizer": self.disc_optimizer} if self.disc_optimizer else {})

    @staticmethod
    def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients through a module but not into it, and its buffers as they are."""
    parameters: list[Tensor] = list(module.parameters())
    training = module.training
    for parameter in parameters:
        parameter.requires_grad_(False)
    module.eval()
    try:
        yield
    finally:
        module.train(training)
        for parameter in parameters:
            parameter.requires_grad_(True)
