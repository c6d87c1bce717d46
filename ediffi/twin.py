"""diffusers' U-Net in the shape of ours, so that both can be timed side by side.

Knows configurations and diffusers' classes; it times nothing and serves nothing else.
"""

from __future__ import annotations

import math
from typing import Any, cast

from torch import Tensor, nn

from ediffi.config import UNetConfig


def diffusers_twin(config: UNetConfig, resolution: int) -> nn.Module | None:
    """diffusers' U-Net with our convolutions and attention; None where it is not installed.

    What ours does not have is taken out of theirs, which makes it faster: feed-forward layers, the
    projections around a transformer, and self-attention where we have none.
    """
    try:
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    except ImportError:
        return None
    widths = tuple(config.channels * m for m in config.multipliers)
    pixels = config.image_channels * config.stem_patch**2
    down = tuple("CrossAttnDownBlock2D" if on else "DownBlock2D" for on in config.cross_attention)
    up = tuple("CrossAttnUpBlock2D" if on else "UpBlock2D" for on in config.cross_attention[::-1])
    twin = UNet2DConditionModel(
        sample_size=resolution // config.stem_patch,
        in_channels=pixels,
        out_channels=pixels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=widths,
        layers_per_block=cast(Any, config.blocks),  # annotated as a tuple of one
        cross_attention_dim=config.context_width,
        # diffusers calls the number of heads so.
        attention_head_dim=cast(Any, tuple(width // config.head_channels for width in widths)),
        norm_num_groups=math.gcd(32, *widths),
        resnet_time_scale_shift="scale_shift",
        time_embedding_dim=config.embedding_width,
    )
    levels = list(zip(twin.down_blocks, config.self_attention, strict=True))
    levels += list(zip(twin.up_blocks, config.self_attention[::-1], strict=True))
    for block, attends in [*levels, (twin.mid_block, config.self_attention[-1])]:
        _strip(block, attends)
    return twin


class _Nothing(nn.Module):
    """Adds nothing to a residual stream, in place of an attention or a feed-forward layer."""

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Zero, broadcast to the stream."""
        return hidden_states.new_zeros(())


def _strip(block: nn.Module, attends: bool) -> None:
    for module in block.modules():
        if hasattr(module, "proj_in") and hasattr(module, "transformer_blocks"):
            module.proj_in, module.proj_out = nn.Identity(), nn.Identity()
        if hasattr(module, "attn1") and hasattr(module, "ff"):
            module.ff, module.norm3 = _Nothing(), nn.Identity()
            if not attends:
                module.attn1, module.norm1 = _Nothing(), nn.Identity()
