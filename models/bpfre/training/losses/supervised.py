"""The supervised terms put together, and their weighted sum."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bpfre.network import BPFReOutput
from bpfre.network.perceptual import Perceptual
from bpfre.training.config import TrainConfig
from bpfre.training.data.windows import Batch, Role
from bpfre.training.losses.consistency import feature_distance, pixel_distance
from bpfre.training.losses.edits import edit_size, edited_area, harm_size
from bpfre.training.losses.maps import map_distance
from bpfre.training.losses.reduce import over_batch

_NETWORK_TERMS = ("blem_coarse", "blem_refine", "cons_coarse", "cons_refine", "adv_synt")


def supervised_losses(out: BPFReOutput, batch: Batch, config: TrainConfig, phi: Perceptual | None) -> dict[str, Tensor]:
    """Compute every supervised term by its name, unweighted (poster, L_blem and L_cons).

    - `blem_coarse`, `blem_refine`: M^E2D against |x_raw - x_ret|, M^D2G against |x~ - x_ret|: the second map looks for
      what the first stage left. Their gradient reaches the map alone, the edit's size has none.
    - `cons_coarse`, `cons_refine`: x~ and x^ against x_ret, in pixels plus `config.phi_weight` times in features.

    Pairs (role SUPERVISED) take part in all four. So do retouched faces (role CLEAN), whose raw side is the target
    itself: cons_coarse has them as its second half, E_ret, in the poster. That their maps are supervised, and that
    cons_refine has them too, is a decision [D]: the poster's formulas have pairs there, its text wants clean faces
    left alone by both stages. What is noted of a face's marks counts in all four: those that stay as much as edits,
    what nobody knows not at all. With `config.apart` [D] the coarse stage learns nothing of marks that stay: it finds
    what stands out. The second map then looks for harm, |x~ - x_ret| - |x_raw - x_ret| where that is above 0, and edits
    count in full there, so that it is as bad to give back a blemish as to lose a mole. Features are of whole samples
    and know no notes. Faces without a target (role UNPAIRED) count nothing.

    Args:
        out: what the network made of `batch.raw`.
        batch: N samples.
        phi: of the perceptual part; None leaves it out.

    Returns:
        Scalars: means over all N samples.
    """
    known = batch.role != Role.UNPAIRED
    edited = edited_area(batch.raw, batch.target, config)
    kept, trusted = batch.kept, batch.trusted
    told: tuple[Tensor | None, Tensor]
    if config.apart:
        told = None, trusted * (1 - kept * (1 - edited))
        left, decided = harm_size(out.coarse, batch.raw, batch.target, config), torch.maximum(kept, edited)
    else:
        told = kept, trusted
        left, decided = edit_size(out.coarse, batch.target, config), kept
    coarse = pixel_distance(out.coarse, batch.target, edited, config, *told)
    refine = pixel_distance(out.refined, batch.target, edited, config, kept, trusted)
    if phi is not None and config.phi_weight and known.any():
        with torch.no_grad():
            goal = phi(batch.target[known])  # features are costly: only of samples that count
        coarse = _add(coarse, known, config.phi_weight * feature_distance(phi(out.coarse[known]), goal))
        refine = _add(refine, known, config.phi_weight * feature_distance(phi(out.refined[known]), goal))
    terms = {
        "blem_coarse": map_distance(out.map_e2d, edit_size(batch.raw, batch.target, config), config, *told),
        "blem_refine": map_distance(out.map_d2g, left, config, decided, trusted),
        "cons_coarse": coarse,
        "cons_refine": refine,
    }
    return {name: over_batch(values, known) for name, values in terms.items()}


def total_loss(losses: Mapping[str, Tensor], config: TrainConfig) -> Tensor:
    """Sum what the network minimises under the weights of the configuration; other names (`adv_disc`) are passed over.

    Args:
        losses: scalars by name; terms that are not there count 0.
    """
    return torch.stack([getattr(config, name) * losses[name] for name in _NETWORK_TERMS if name in losses]).sum()


def _add(values: Tensor, where: Tensor, more: Tensor) -> Tensor:
    """Add to some elements. [N], [N] bool with K True, [K] -> [N]"""
    return values.index_put((where,), more, accumulate=True)
