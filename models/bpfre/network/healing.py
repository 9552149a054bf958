"""Heal what a correction left of a mark: its place takes the tone of the skin around, its fine texture stays.

A network corrects the larger part of a mark's colour first, mostly its darkness; a trace of red or blue remains, which
looks like the mark, only paler. Where a mark goes at all, all of it is to go.
"""

from __future__ import annotations

from torch import Tensor

from bpfre.network.filters import blur, largest, ramp

PEAK = 5.0  # px around in which a correction's largest value is sought: about a mark's size
INSIDE = (0.15, 0.45)  # of that value: below the first a pixel is outside the mark, above the second inside
FAINT = (1.5, 4.0)  # times what is just visible: corrections below the first heal nothing
RIM = 0.7  # sigma by which the inside is widened before skin around is looked at, px
AROUND, FARTHER = 5.0, 2.2  # sigma in which the skin around is averaged, px, and how many times that besides
FAR = 0.05  # weight of the farther skin
HAIR, SEEN = (0.7, 0.85), 8.0  # light relative to the largest within SEEN px: below the first it is hair, brow or lip
COMPACT = (0.15, 0.35)  # share of skin in what is around: below the first it says too little, above the second enough
FINE = 1.0  # sigma below which texture is not touched, px
BOUND = 1.5  # times the correction that may be added at most
NEAR = 3.0  # px that a choice reaches beyond where it was made
EVEN = 1.5  # sigma by which the bound is made even, px


def leftover(image: Tensor, change: Tensor, carried: Tensor, chosen: Tensor, scale: float, *, visible: float) -> Tensor:
    """Return what has to be added so that chosen marks have the tone of what is around them.

    The skin around is a Gaussian mean over what lies outside of marks and is not much darker than what is near it, as
    brows, hair and lips are. Large areas, which have too little skin around, are left alone, and nowhere is added more
    than a multiple of the correction itself.

    Args:
        image: [N, 3, H, W].
        change: [N, 3, H, W], the network's correction: says where the mark is.
        carried: [N, 3, H, W], what is added to the image before.
        chosen: [N, 1, H, W] in [0, 1], where marks go.
        scale: size of marks here relative to a 512 face crop; px above are of that crop.
        visible: smallest correction that can be seen.

    Returns:
        [N, 3, H, W]; 0 away from corrections.
    """
    size = change.norm(dim=1, keepdim=True)
    peak = largest(size, PEAK * scale)
    inside = ramp(size / peak.clamp_min(1e-6), INSIDE) * ramp(peak, (FAINT[0] * visible, FAINT[1] * visible))
    result = image + carried
    light = blur(result.mean(dim=1, keepdim=True), FINE * scale)
    skin = ramp(light / largest(light, SEEN * scale).clamp_min(1e-3), HAIR)
    outside = skin * (1 - blur(inside, RIM * scale))
    near, far = AROUND * scale, AROUND * FARTHER * scale
    around = blur(outside, near) + FAR * blur(outside, far)
    tone = (blur(result * outside, near) + FAR * blur(result * outside, far)) / around.clamp_min(1e-4)
    rest = tone - blur(result, FINE * scale)
    bound = BOUND * blur(peak, EVEN * scale)
    rest = rest * (bound / rest.norm(dim=1, keepdim=True).clamp_min(1e-6)).clamp(max=1)
    return rest * blur(inside, scale) * largest(chosen, NEAR * scale) * ramp(around, COMPACT)
