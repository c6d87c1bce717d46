"""The systems that have a name: `tiny` for tests, `storybook`, and `paper` at full size.

Numbers only. In the `paper` preset each value carries where it comes from: *read* (the paper says
so), *derived* (computed from what it says) or *chosen* (the paper does not say; the value is ours).
"""

import typing

from ediffi.config import (
    DenoiserConfig,
    DropoutRates,
    EfficientUNetConfig,
    EncoderDims,
    NoiseConfig,
    Preset,
    SamplingConfig,
    StageConfig,
    TrainingConfig,
    UNetConfig,
)

STORYBOOK_ENCODERS = EncoderDims(t5=192, clip=128, pooled=128, image=128)
PAPER_ENCODERS = EncoderDims(t5=4096, clip=768, pooled=768, image=768)  # T5 v1.1-XXL: chosen

_TINY_SR32 = StageConfig(
    low=16,
    denoiser=DenoiserConfig(
        name="sr32",
        resolution=32,
        network=EfficientUNetConfig(
            channels=8,
            multipliers=(1, 2),
            blocks=(1, 1),
            self_attention=(False, True),
            cross_attention=(False, True),
            stem_patch=2,
            head_channels=8,
            context_width=16,
            embedding_width=16,
            norm="layer",
            qk_norm=True,
        ),
        encoders=STORYBOOK_ENCODERS,
    ),
    sampling=SamplingConfig(steps=3, guidance=1.0, soften=0.7),
)

_TINY_SR64 = StageConfig(
    low=32,
    denoiser=DenoiserConfig(
        name="sr64",
        resolution=64,
        network=EfficientUNetConfig(
            channels=8,
            multipliers=(1, 2),
            blocks=(1, 1),
            self_attention=(False, False),
            cross_attention=(False, True),
            stem_patch=4,
            head_channels=8,
            context_width=16,
            embedding_width=16,
            norm="layer",
            qk_norm=True,
        ),
        encoders=STORYBOOK_ENCODERS,
    ),
    sampling=SamplingConfig(steps=2, guidance=1.0),
)

_TINY = Preset(
    name="tiny",
    base=DenoiserConfig(
        name="base",
        resolution=16,
        network=UNetConfig(
            channels=16,
            multipliers=(1, 2),
            blocks=(1, 1),
            self_attention=(False, True),
            cross_attention=(False, True),
            stem_patch=2,
            head_channels=16,
            context_width=32,
            embedding_width=32,
            norm="layer",
            qk_norm=True,
        ),
        encoders=STORYBOOK_ENCODERS,
    ),
    sampling=SamplingConfig(steps=6, guidance=2.0),
    training=TrainingConfig(
        pictures=512, batch=8, optimizer="muon", rate=1e-3, adamw_rate=1e-3, precision="fp32"
    ),
    stages=(_TINY_SR32, _TINY_SR64),
)

# What the base samples has crooked edges, which the stage would keep; where it is blurred by 0.7 of
# its pixels they are drawn anew, nearer to true pages (docs/training-log.md). Chosen.
_STORYBOOK_SR256 = StageConfig(
    low=64,
    denoiser=DenoiserConfig(
        name="sr256",
        resolution=256,
        network=EfficientUNetConfig(
            channels=32,
            multipliers=(2, 4, 4),
            blocks=(2, 2, 2),
            self_attention=(False, False, True),
            cross_attention=(False, False, True),
            stem_patch=2,
            head_channels=32,
            context_width=128,
            embedding_width=128,
            norm="layer",
            qk_norm=True,
        ),
        encoders=STORYBOOK_ENCODERS,
    ),
    sampling=SamplingConfig(steps=10, guidance=1.0, soften=0.7),
)

# Nothing but stem and head above the grid of 256, and no statistics that depend on the picture's
# size: it is trained on crops and sees whole pictures. It begins at sigma = 3, the small picture
# under the noise: nearer to the truth than from 80, above it one training sample in thirty lies.
# SR256 would be softer so (docs/training-log.md). Chosen.
_STORYBOOK_SR1024 = StageConfig(
    low=256,
    denoiser=DenoiserConfig(
        name="sr1024",
        resolution=1024,
        network=EfficientUNetConfig(
            channels=32,
            multipliers=(2, 3, 4),
            blocks=(2, 2, 2),
            self_attention=(False, False, False),
            cross_attention=(False, False, True),
            stem_patch=4,
            head_channels=32,
            context_width=96,
            embedding_width=96,
            norm="layer",
            qk_norm=True,
        ),
        encoders=STORYBOOK_ENCODERS,
    ),
    sampling=SamplingConfig(steps=8, sigma_max=3.0, guidance=1.0),
)

_STORYBOOK = Preset(
    name="storybook",
    base=DenoiserConfig(
        name="base",
        resolution=64,
        network=UNetConfig(
            channels=32,
            multipliers=(2, 4, 5),
            blocks=(2, 2, 1),
            self_attention=(False, False, True),
            cross_attention=(False, True, True),
            stem_patch=2,
            head_channels=32,
            context_width=192,
            embedding_width=192,
            norm="layer",
            qk_norm=True,
        ),
        encoders=STORYBOOK_ENCODERS,
    ),
    sampling=SamplingConfig(steps=18, guidance=3.0, guidance_low=0.3),
    training=TrainingConfig(
        pictures=1_000_000,
        batch=32,
        optimizer="muon",
        rate=1e-3,
        adamw_rate=6e-4,
        noise=NoiseConfig(0.0, 1.4),
        # CLIP text is withheld more often than T5: alone, T5 brings two things where CLIP does not,
        # and beside CLIP's pooled vector it is hardly learned (docs/training-log.md).
        dropout=DropoutRates(t5=0.12, clip_text=0.4, clip_image=0.75),
        learned_weight=True,
    ),
    stages=(_STORYBOOK_SR256, _STORYBOOK_SR1024),
)

# Chosen unless marked. Read is the arrangement, derived the size of about 0.3B parameters; the rows
# of multipliers and blocks are near Imagen's and reach that size.
_PAPER_SR256 = StageConfig(
    low=64,  # read
    denoiser=DenoiserConfig(
        name="sr256",
        resolution=256,  # read
        network=EfficientUNetConfig(
            channels=128,  # chosen, as Imagen
            multipliers=(1, 2, 4, 6),  # chosen, to reach the derived parameter count
            blocks=(2, 4, 8, 8),  # chosen, as Imagen
            self_attention=(False, False, False, True),  # chosen, as Imagen: the coarsest grid
            cross_attention=(False, False, False, True),  # chosen, as Imagen
            stem_patch=1,
            head_channels=64,  # chosen, as ADM
            context_width=1024,  # chosen, as the base
            embedding_width=512,  # chosen: four times the channels
            norm="group",  # derived from "ADM blocks"
        ),
        encoders=PAPER_ENCODERS,
    ),
    # chosen, near NVIDIA's public Imagen
    sampling=SamplingConfig(solver="heun", steps=20, guidance=1.0),
)

_PAPER_SR1024 = StageConfig(
    low=256,  # read
    denoiser=DenoiserConfig(
        name="sr1024",
        resolution=1024,  # read; it is trained on patches
        network=EfficientUNetConfig(
            channels=128,  # chosen, as Imagen
            multipliers=(1, 2, 4, 6),  # chosen, to reach the derived parameter count
            blocks=(2, 4, 8, 8),  # chosen, as Imagen
            self_attention=(False, False, False, False),  # read
            cross_attention=(False, False, False, True),  # read that there is; where: chosen
            stem_patch=1,
            head_channels=64,  # chosen, as ADM
            context_width=1024,  # chosen, as the base
            embedding_width=512,  # chosen: four times the channels
            norm="group",  # derived from "ADM blocks"
        ),
        encoders=PAPER_ENCODERS,
    ),
    # chosen, near NVIDIA's public Imagen
    sampling=SamplingConfig(solver="heun", steps=20, guidance=1.0),
)

# Chosen unless marked: the bodies of the paper's tables 2 to 7 are not known. 320 channels with the
# multipliers 1, 2, 3, 4 of ADM give the derived size of about 1.0B parameters.
_PAPER = Preset(
    name="paper",
    base=DenoiserConfig(
        name="base",
        resolution=64,  # read
        network=UNetConfig(
            channels=320,  # chosen, to reach the derived parameter count
            multipliers=(1, 2, 3, 4),  # chosen, as ADM and NVIDIA's public Imagen
            blocks=(3, 3, 3, 4),  # chosen: ADM's 3, and one more where width is cheap
            self_attention=(False, True, True, True),  # chosen: grids 32, 16 and 8
            cross_attention=(False, True, True, True),  # read: after every self-attention
            stem_patch=1,
            head_channels=64,  # chosen, as ADM
            context_width=1024,  # chosen
            embedding_width=1280,  # chosen: four times the channels
            norm="group",  # derived from "modified ADM"
        ),
        encoders=PAPER_ENCODERS,
        sigma_data=0.5,  # read
    ),
    sampling=SamplingConfig(
        solver="heun",  # chosen: the paper names no solver
        steps=30,  # chosen
        sigma_max=80.0,  # read
        guidance=5.0,  # chosen
    ),
    training=TrainingConfig(
        pictures=500_000 * 2048,  # derived: 500K iterations (read) of 2048 (recalled) for (0, 0)
        batch=2048,  # recalled
        optimizer="adamw",  # read
        rate=1e-4,  # recalled
        adamw_rate=1e-4,
        weight_decay=0.01,  # recalled
        warmup_steps=10_000,  # chosen, as NVIDIA's public Imagen
        decay_share=0.0,  # chosen
        ema_share=0.0139,  # chosen: 0.9999 per step at the end
        noise=NoiseConfig(-1.2, 1.2),  # recalled
        dropout=DropoutRates(0.1, 0.1, 0.1),  # chosen: the rates are not known
    ),
    stages=(_PAPER_SR256, _PAPER_SR1024),
)

PRESETS: typing.Mapping[str, Preset] = {p.name: p for p in (_TINY, _STORYBOOK, _PAPER)}


def preset(name: str) -> Preset:
    """The preset of this name; raises ValueError naming those that exist."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: there are {', '.join(PRESETS)}")
    return PRESETS[name]
