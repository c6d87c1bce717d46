"""The Efficient U-Net of the super-resolution stages (Imagen App. B.1; paper App. A).

A level is shrunk before its blocks run and enlarged after them, so that the work lies on coarse
grids. Takes the noisy picture with a low-resolution one behind it, noise labels and a context of
tokens; knows neither where that picture comes from nor preconditioning.
"""

import math

from torch import Tensor, nn

from ediffi.config import EfficientUNetConfig
from ediffi.networks.frame import AttendedBlock, FramedUNet, PreparedContext
from ediffi.networks.layers import Downsample, Upsample


class EfficientUNet(FramedUNet):
    """One skip connection a level, added and scaled by 1/sqrt 2; see `EfficientUNetConfig`.

    The coarsest level needs none: its way up follows its way down at once. The first 3 channels in
    are the noisy picture, the other 3 the low-resolution picture, enlarged to the same size.
    """

    def __init__(self, config: EfficientUNetConfig) -> None:
        """Build the network that `config` describes."""
        super().__init__(config)
        widths = self.widths
        steps = list(zip(widths[:-1], widths[1:], strict=True))
        self.shrink = nn.ModuleList(Downsample(fine, coarse) for fine, coarse in steps)
        self.down = nn.ModuleList(self._level(level) for level in range(len(widths)))
        self.up = nn.ModuleList(self._level(level) for level in reversed(range(len(widths))))
        self.grow = nn.ModuleList(Upsample(coarse, fine) for fine, coarse in reversed(steps))
        self._close(widths[0])

    def _level(self, level: int) -> nn.ModuleList:
        """The blocks of a level on one way; attention stands behind the last of them."""
        config, width = self.config, self.widths[level]
        plain = [AttendedBlock(width, width, config) for _ in range(config.blocks[level] - 1)]
        attends = config.self_attention[level], config.cross_attention[level]
        return nn.ModuleList([*plain, AttendedBlock(width, width, config, *attends)])

    def _body(self, h: Tensor, embedding: Tensor, context: PreparedContext) -> Tensor:
        skips: list[Tensor] = []
        layer, last = 0, len(self.down) - 1
        for level, blocks in enumerate(self.down):
            if level:
                skips.append(h)
                h = self.shrink[level - 1](h)
            for block in blocks:  # pyright: ignore[reportGeneralTypeIssues]
                h, layer = block(h, embedding, context, layer)
        for place, blocks in enumerate(self.up):
            for block in blocks:  # pyright: ignore[reportGeneralTypeIssues]
                h, layer = block(h, embedding, context, layer)
            if place < last:
                # The sum of two like signals has twice the variance of one.
                h = (self.grow[place](h) + skips.pop()) * math.sqrt(0.5)
        return h
