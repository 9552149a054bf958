"""L_adv: the pixel discriminator against the network, weighted by the blemish map.

`D` is the probability of a retouched face, the sigmoid of the discriminator's logit at each pixel. Raw faces count as
fake as well as the network's results: so the discriminator learns where blemishes are, and raw faces without a retouch
train the network to remove them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.training.config import TrainConfig
from bpfre.training.data.windows import Batch, Role
from bpfre.training.losses.reduce import over_batch, per_sample

_LEAST_WEIGHT = 0.01  # mean of a sample's weights, at least


def discriminator_input(batch: Batch, refined: Tensor) -> Tensor:
    """Gather all that the discriminator judges in one step, for one forward pass.

    Args:
        batch: N samples, R of them raw faces (SUPERVISED or UNPAIRED), T with a retouched face (SUPERVISED or CLEAN).
        refined: [N, 3, H, W], what the network made of `batch.raw`; no gradient goes back to it.

    Returns:
        [2 * R + T, 3, H, W] float32: raw faces, their results, retouched faces.
    """
    fake, real = _kinds(batch)
    return torch.cat([batch.raw[fake].float(), refined.detach()[fake].float(), batch.target[real].float()])


def discriminator_adversarial(logits: Tensor, map_d2g: Tensor, batch: Batch, config: TrainConfig) -> Tensor:
    """Compute `adv_disc`, the poster's L_adv^disc with its sign turned, to be minimised by the discriminator.

        - E_raw [ M log(1 - D(x_raw)) + M log(1 - D(x^_raw)) ] - E_ret [ M log D(x_ret) ]

    The poster prints log(1 - D(x_ret)) in the last term; all terms would then carry the same label, so it is
    log D(x_ret) here [D]: retouched faces are the real class. M is that of the sample (see `blemish_weights`): for the
    target of a pair the map of its raw side, so that both sides are judged at the same pixels.

    Args:
        logits: [2 * R + T, 1, H, W], of `discriminator_input`.
        map_d2g: [N, 1, H, W] in [0, 1], of the network; no gradient goes back to it.
        batch: N samples.

    Returns:
        Scalar: mean over all N samples.
    """
    fake, real = _kinds(batch)
    weight = blemish_weights(map_d2g, config)
    counts = [int(fake.sum()), int(fake.sum()), int(real.sum())]
    of_raw, of_refined, of_target = logits.float().split(counts)
    # -log(1 - sigmoid(l)) = softplus(l), -log(sigmoid(l)) = softplus(-l)
    judged_fake = per_sample(weight[fake] * (F.softplus(of_raw) + F.softplus(of_refined)))
    judged_real = per_sample(weight[real] * F.softplus(-of_target))
    return (judged_fake.sum() + judged_real.sum()) / len(batch.role)


def generator_adversarial(logits: Tensor, map_d2g: Tensor, batch: Batch, config: TrainConfig) -> Tensor:
    """Compute `adv_synt`, to be minimised by the network.

    `config.adversarial` `saturating` is the poster's L_adv^synt = E_raw [ M log(1 - D(x^_raw)) ]; `non_saturating` is
    E_raw [ - M log D(x^_raw) ], with the same fixed point and a gradient that does not vanish while the discriminator
    is sure. The gradient reaches the network through `logits` alone; the caller freezes the discriminator.

    Args:
        logits: [N, 1, H, W], the discriminator's of all N results; those of CLEAN samples do not count.
        map_d2g: [N, 1, H, W] in [0, 1], of the network; a weight, without gradient.
        batch: N samples.

    Returns:
        Scalar: mean over all N samples.
    """
    fake, _ = _kinds(batch)
    logits = logits.float()
    judged = -F.softplus(logits) if config.adversarial == "saturating" else F.softplus(-logits)
    return over_batch(per_sample(blemish_weights(map_d2g, config) * judged), fake)


def blemish_weights(map_d2g: Tensor, config: TrainConfig) -> Tensor:
    """Make pixel weights of the blemish map M^D2G. [N, 1, H, W] in [0, 1] -> the same shape, float32, no gradient.

    Decisions [D]:
    - The map is detached: as a weight with a gradient the network would lower its loss by emptying the map.
    - A sample whose map has a mean below 0.01 gets the rest spread evenly over its pixels. Otherwise retouched faces
      and faces in which the network sees nothing would teach nothing; all the others keep the map as it is.
    - With `config.balance` each sample's weights are divided by their mean, so that a face with three spots counts as
      much as one with thirty.
    """
    weight = map_d2g.detach().float()
    mean = weight.mean(dim=(1, 2, 3), keepdim=True)
    weight = weight + (_LEAST_WEIGHT - mean).clamp(min=0)
    return weight / mean.clamp(min=_LEAST_WEIGHT) if config.balance else weight


def _kinds(batch: Batch) -> tuple[Tensor, Tensor]:
    """Which samples are raw faces, and which have a retouched one. -> [N] bool twice"""
    return batch.role != Role.CLEAN, batch.role != Role.UNPAIRED
