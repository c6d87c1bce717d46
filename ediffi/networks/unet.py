"""The base model's U-Net: ADM blocks with self- and cross-attention (paper Sec. 4.2, App. A).

Takes pixels, noise labels and a context of tokens; knows neither encoders nor preconditioning.
"""

import torch
from torch import Tensor, nn

from ediffi.config import UNetConfig
from ediffi.networks.frame import AttendedBlock, FramedUNet, PreparedContext
from ediffi.networks.layers import Downsample, ResidualBlock, Upsample


class UNet(FramedUNet):
    """Every block leaves a skip connection that is joined to its mirror image; see `UNetConfig`."""

    def __init__(self, config: UNetConfig) -> None:
        """Build the network that `config` describes."""
        super().__init__(config)
        widths, last = self.widths, len(config.multipliers) - 1
        skips, channels = [widths[0]], widths[0]
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            for _ in range(config.blocks[level]):
                self.down.append(self._attended(channels, width, level))
                channels = width
                skips.append(width)
            if level < last:
                self.shrink.append(Downsample(width))
                skips.append(width)
        self.middle = self._attended(channels, channels, last)
        self.middle_out = ResidualBlock(channels, channels, config.embedding_width, config.norm)
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level in range(last, -1, -1):
            for _ in range(config.blocks[level] + 1):
                self.up.append(self._attended(channels + skips.pop(), widths[level], level))
                channels = widths[level]
            if level:
                self.grow.append(Upsample(channels))
        self._close(channels)

    def _attended(self, channels: int, out: int, level: int) -> AttendedBlock:
        config = self.config
        attends = config.self_attention[level], config.cross_attention[level]
        return AttendedBlock(channels, out, config, *attends)

    def _body(self, h: Tensor, embedding: Tensor, context: PreparedContext) -> Tensor:
        h, skips, layer = self._encode(h, embedding, context)
        h, layer = self.middle(h, embedding, context, layer)
        h = self.middle_out(h, embedding)
        return self._decode(h, skips, embedding, context, layer)

    def _encode(
        self, h: Tensor, embedding: Tensor, context: PreparedContext
    ) -> tuple[Tensor, list[Tensor], int]:
        skips, layer, blocks = [h], 0, iter(self.down)
        for level, count in enumerate(self.config.blocks):
            for _ in range(count):
                h, layer = next(blocks)(h, embedding, context, layer)
                skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
                skips.append(h)
        return h, skips, layer

    def _decode(
        self,
        h: Tensor,
        skips: list[Tensor],
        embedding: Tensor,
        context: PreparedContext,
        layer: int,
    ) -> Tensor:
        blocks, growing = iter(self.up), iter(self.grow)
        for level in range(len(self.config.blocks) - 1, -1, -1):
            for _ in range(self.config.blocks[level] + 1):
                joined = torch.cat([h, skips.pop()], dim=1)
                h, layer = next(blocks)(joined, embedding, context, layer)
            if level:
                h = next(growing)(h)
        return h
