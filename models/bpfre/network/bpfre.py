"""The whole network: coarse stage, refine stage and the two attention modules between them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bpfre.network.attention import BlemishAttention
from bpfre.network.coarse import Decoder, Encoder
from bpfre.network.completion import complete
from bpfre.network.config import BPFReConfig
from bpfre.network.detail import local_contrast
from bpfre.network.refine import Generator
from bpfre.network.second_look import fill_in, look_small, second_look
from bpfre.network.tone import change_relative, from_relative, to_relative
from bpfre.network.verdict import verdict

MAX_SIDE = 4096  # beyond this a single crop would need tens of GiB


class BPFReOutput(NamedTuple):
    """What one pass returns, all at the input's size."""

    coarse: Tensor  # [N, 3, H, W], about [0, 1]: result of the encoder-decoder; of both looks where there are two
    refined: Tensor  # [N, 3, H, W], about [0, 1]: result of the generator, likewise, finished
    map_e2d: Tensor  # [N, 1, H, W] in [0, 1]: blemishes seen between encoder and decoder
    map_d2g: Tensor  # [N, 1, H, W] in [0, 1]: what the coarse stage left, seen between decoder and generator
    weights_e2d: list[Tensor]  # suppression weights of each scale, finest first, [N, 1, h, w] in [0, 1]
    weights_d2g: list[Tensor]


def position_grid(height: int, width: int, *, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return each pixel centre's place in the crop, x then y, in [-1, 1]. -> [1, 2, height, width]"""
    y = (torch.arange(height, device=device, dtype=dtype) + 0.5) * (2 / height) - 1
    x = (torch.arange(width, device=device, dtype=dtype) + 0.5) * (2 / width) - 1
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])[None]


class BPFRe(nn.Module):
    """Blemish-aware and progressive face retouching (CVPR 2023).

    Fully convolutional: any height and width work; sides that are no multiple of the stride are padded inside.

    The second stage adds to the coarse result where its map says that something is left. With `apart` [D] it adds to
    the picture there, in place of the coarse result, which gets nothing of its error: giving back a mole that the first
    stage took needs a map alone, not a rendering that undoes what was done.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: BPFReConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5))
        self.register_buffer("std", torch.full((1, 3, 1, 1), 0.25))
        gated = config.output == "correction"
        gain = 0.05 if gated else 0.3
        attention: dict[str, Any] = {
            "context": config.attention_channels,
            "unshuffle": config.unshuffle,
            "prior": config.map_prior,
        }
        self.encoder = Encoder(
            (6 if config.detail else 3) * config.unshuffle**2 + (2 if config.position else 0),
            channels=config.channels,
            blocks=config.blocks,
        )
        self.attention_e2d = BlemishAttention(config.channels, **attention)
        self.decoder = Decoder(channels=config.channels, unshuffle=config.unshuffle, output_gain=gain)
        self.attention_d2g = BlemishAttention(config.channels, **attention)
        self.generator = Generator(
            side_channels=config.channels,
            channels=config.generator_channels,
            style_dim=config.style_dim,
            unshuffle=config.unshuffle,
            side_gain=config.side_gain,
            output_gain=gain,
        )

    def forward(self, x: Tensor, position: Tensor | None = None) -> BPFReOutput:
        """Retouch a batch of aligned face crops.

        Args:
            x: [N, 3, H, W] RGB in [0, 1].
            position: [N, 2, H, W], place of each pixel in the aligned crop, x then y, in [-1, 1]; the whole crop
                where it is not given. Training on windows of a crop passes the window's own.

        Raises:
            ValueError: not [N, 3, H, W], or a side over 4096.
        """
        out = self.stages(x, position)
        return out._replace(refined=self.finish(x, out.refined, position))

    def stages(self, x: Tensor, position: Tensor | None = None) -> BPFReOutput:
        """Run both stages as `forward` does, without finishing what they made.

        In evaluation mode, networks that finish their results look twice at crops larger than their own size (see
        `second_look`); of those whose stages are apart the second one decides mark by mark (see `verdict`).
        """
        if x.ndim != 4 or x.shape[1] != 3 or max(x.shape[2:]) > MAX_SIDE or min(x.shape[2:]) < 1:
            raise ValueError(f"expected [N, 3, H, W] with sides of 1 to {MAX_SIDE}, got {list(x.shape)}.")
        out = self.look(x, position)
        if not self._finishes:
            return out
        scale = self._scale(x, position)
        if self.config.apart:
            return self._decided(x, out, scale)
        if scale <= 1:
            return out
        coarse, refined = second_look(x, (out.coarse, out.refined), self._results, scale)
        return out._replace(coarse=coarse, refined=refined)

    def _decided(self, x: Tensor, out: BPFReOutput, scale: float) -> BPFReOutput:
        """Let the second stage decide; marks that are not seen in a large crop are looked for in a small one."""
        refined = verdict(x, out.coarse, out.refined, scale)
        if scale <= 1:
            return out._replace(refined=refined)
        coarse, given_back = look_small(x, self._results, scale)
        seconds = coarse, verdict(x, coarse, given_back, scale)
        coarse, refined = fill_in(x, out.coarse, (out.coarse, refined), seconds, scale)
        return out._replace(coarse=coarse, refined=refined)

    def _results(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.look(x)[:2]

    def look(self, x: Tensor, position: Tensor | None = None) -> BPFReOutput:
        """Run both stages once, without choosing between what they made. Takes and gives what `forward` does."""
        height, width = x.shape[2:]
        if position is None:
            position = position_grid(height, width, device=x.device, dtype=x.dtype).expand(len(x), -1, -1, -1)
        pad = (0, -width % self.config.stride, 0, -height % self.config.stride)
        if any(pad):
            x, position = F.pad(x, pad, mode="replicate"), F.pad(position, pad, mode="replicate")
        out = self._forward(x, position)
        if any(pad):
            coarse, refined, map_e2d, map_d2g = (t[..., :height, :width] for t in out[:4])
            out = BPFReOutput(coarse, refined, map_e2d, map_d2g, out.weights_e2d, out.weights_d2g)
        return out

    def finish(self, x: Tensor, image: Tensor, position: Tensor | None = None) -> Tensor:
        """Make a stage's result final: in evaluation mode, and where the configuration says so, by `complete`.

        Args:
            x: [N, 3, H, W] the crop.
            image: the same, retouched.
            position: as in `forward`; windows are taken to be cut from a crop of the network's own size.
        """
        return complete(x, image, self._scale(x, position)) if self._finishes else image

    @property
    def _finishes(self) -> bool:
        return self.config.completion and not self.training

    def _scale(self, x: Tensor, position: Tensor | None) -> float:
        """Size of marks relative to a crop of the network's own size."""
        return max(x.shape[2:]) / self.config.size if position is None else 1.0

    def _forward(self, x: Tensor, position: Tensor) -> BPFReOutput:
        u = self.config.unshuffle
        seen = self._seen(x)
        inputs = F.pixel_unshuffle(torch.cat([seen, local_contrast(seen)], dim=1) if self.config.detail else seen, u)
        if self.config.position:
            inputs = torch.cat([inputs, F.avg_pool2d(position, u)], dim=1)
        features, map_e2d, weights_e2d = self.attention_e2d(self.encoder(inputs))
        features, rendered = self.decoder(features)
        coarse = self._output(x, rendered, map_e2d)
        features, map_d2g, weights_d2g = self.attention_d2g(features)
        refined = self._refined(seen, coarse, self.generator(features), map_d2g)
        return BPFReOutput(coarse, refined, map_e2d, map_d2g, weights_e2d, weights_d2g)

    def _seen(self, x: Tensor) -> Tensor:
        """Take pixels to the scale that the network sees, and corrects, them on."""
        return to_relative(x) if self.config.relative else (x - self.mean) / self.std

    def _refined(self, seen: Tensor, coarse: Tensor, rendered: Tensor, blemish: Tensor) -> Tensor:
        """Add what the generator renders, by its map: to the coarse result or, with stages apart, to the picture."""
        if not self.config.apart:
            return self._output(coarse, rendered, blemish)
        base = coarse.detach()
        if self.config.output == "correction":
            rendered = rendered + (seen - self._seen(base))
        return self._output(base, rendered, blemish)

    def _output(self, base: Tensor, rendered: Tensor, blemish: Tensor) -> Tensor:
        if self.config.output == "correction":
            change = blemish * rendered
            return change_relative(base, change) if self.config.relative else base + change * self.std
        return from_relative(rendered) if self.config.relative else rendered * self.std + self.mean
