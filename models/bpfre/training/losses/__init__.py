"""The losses of the paper (poster, «Training Loss»), each by its name.

Every term is reduced per sample first and then averaged over **all** samples of the batch, a sample that a term does
not apply to counting 0. So the gradients of two processes with half the batch each, or of two accumulated halves,
average to those of one batch; and how much a kind of sample weighs is decided by its share of the windows alone.
"""

from bpfre.training.losses.adversarial import discriminator_adversarial, discriminator_input, generator_adversarial
from bpfre.training.losses.edits import edit_measures
from bpfre.training.losses.supervised import supervised_losses, total_loss

__all__ = [
    "discriminator_adversarial",
    "discriminator_input",
    "edit_measures",
    "generator_adversarial",
    "supervised_losses",
    "total_loss",
]
