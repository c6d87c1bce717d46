"""Frozen records that describe every part, and the presets made of them.

Knows numbers and names only: it builds nothing, imports no torch and reads no file. In the `paper`
preset each value carries where it comes from: *read* (the paper says so), *derived* (computed from
what it says) or *chosen* (the paper does not say; the value is ours).
"""

import dataclasses
import typing
from dataclasses import dataclass, field

Record = typing.TypeVar("Record")


@dataclass(frozen=True)
class EncoderDims:
    """Widths of the frozen encoders' outputs and the longest contexts they take.

    `t5` and `clip` are token widths, `pooled` the pooled CLIP text vector, `image` the CLIP image
    vector; lengths count tokens (113 and 77, paper App. A: 77 read, 113 recalled).
    """

    t5: int
    clip: int
    pooled: int
    image: int
    t5_length: int = 113
    clip_length: int = 77


@dataclass(frozen=True)
class UNetConfig:
    """An ADM-style U-Net over pixels (paper Sec. 4.2).

    The picture is folded `stem_patch` x `stem_patch` into channels, then passes levels of
    `channels * multipliers[i]`, each half as large as the last, with `blocks[i]` residual blocks.
    Levels whose flag is set carry self- and cross-attention after every block. `norm` is `group`,
    as ADM, or `layer`: per pixel, so that its statistics do not depend on the picture's size.
    """

    channels: int
    multipliers: tuple[int, ...]
    blocks: tuple[int, ...]
    self_attention: tuple[bool, ...]
    cross_attention: tuple[bool, ...]
    stem_patch: int = 1
    head_channels: int = 64
    context_width: int = 512
    embedding_width: int = 256
    norm: str = "group"
    qk_norm: bool = False
    image_channels: int = 3

    def __post_init__(self) -> None:
        """Raise ValueError when the per-level tuples disagree or a width cannot be split."""
        names = ("multipliers", "blocks", "self_attention", "cross_attention")
        lengths = {name: len(getattr(self, name)) for name in names}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"every level needs one entry in each of {lengths}")
        if self.norm not in ("group", "layer"):
            raise ValueError(f"norm is {self.norm!r}, but must be 'group' or 'layer'")
        for level, multiplier in enumerate(self.multipliers):
            width, head = self.channels * multiplier, self.head_channels
            if (self.self_attention[level] or self.cross_attention[level]) and width % head:
                raise ValueError(f"level {level} is {width} wide, no multiple of heads of {head}")

    @property
    def smallest_side(self) -> int:
        """The side a picture must be a multiple of, in pixels."""
        return self.stem_patch * 2 ** (len(self.multipliers) - 1)


@dataclass(frozen=True)
class NoiseConfig:
    """p(sigma): ln sigma ~ N(P_mean, P_std^2) (EDM; -1.2 and 1.2 are recalled for the paper)."""

    P_mean: float = -1.2
    P_std: float = 1.2


@dataclass(frozen=True)
class DropoutRates:
    """How often training replaces each embedding by its exact null, independently."""

    t5: float
    clip_text: float
    clip_image: float

    def __post_init__(self) -> None:
        """Raise ValueError for a rate outside 0..1."""
        for name in ("t5", "clip_text", "clip_image"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"dropout {name} is {getattr(self, name)}, outside 0 to 1")


@dataclass(frozen=True)
class SamplingConfig:
    """Solver, noise grid and guidance of one stage; guidance acts for low < sigma <= high."""

    solver: str = "dpmpp_2m"
    steps: int = 18
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0
    guidance: float = 3.0
    guidance_low: float = 0.0
    guidance_high: float = float("inf")


@dataclass(frozen=True)
class DenoiserConfig:
    """One trained denoiser: its network, its conditioning and its resolution in pixels."""

    name: str
    resolution: int
    network: UNetConfig
    encoders: EncoderDims
    sigma_data: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError when the resolution cannot be folded and halved to the last level."""
        side = self.network.smallest_side
        if self.resolution % side:
            raise ValueError(f"resolution is {self.resolution}, but must be a multiple of {side}")


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained: pictures, batch, optimiser, averaging and noise.

    Rates are per step; `ema_share` is the average's half-life as a share of the pictures seen and
    `decay_share` the last part of a run, in which the rate falls to zero.
    """

    pictures: int
    batch: int
    optimizer: str = "adamw"
    rate: float = 1e-4
    adamw_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup_steps: int = 100
    decay_share: float = 0.2
    ema_share: float = 0.05
    clip_norm: float = 1.0
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    dropout: DropoutRates = field(default_factory=lambda: DropoutRates(0.1, 0.1, 0.1))
    learned_weight: bool = False
    precision: str = "bf16"
    seed: int = 0


@dataclass(frozen=True)
class Preset:
    """All records of one system; `noise` is the tree's p(sigma), not that of a training run."""

    name: str
    base: DenoiserConfig
    sampling: SamplingConfig
    training: TrainingConfig
    noise: NoiseConfig = field(default_factory=NoiseConfig)


STORYBOOK_ENCODERS = EncoderDims(t5=192, clip=128, pooled=128, image=128)

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
        dropout=DropoutRates(t5=0.3, clip_text=0.3, clip_image=0.6),
        learned_weight=True,
    ),
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
        encoders=EncoderDims(t5=4096, clip=768, pooled=768, image=768),  # T5 v1.1-XXL: chosen
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
        ema_share=0.0001,  # chosen, near the usual 0.9999 per step
        noise=NoiseConfig(-1.2, 1.2),  # recalled
        dropout=DropoutRates(0.1, 0.1, 0.1),  # chosen: the rates are not known
    ),
)

PRESETS: typing.Mapping[str, Preset] = {p.name: p for p in (_TINY, _STORYBOOK, _PAPER)}


def preset(name: str) -> Preset:
    """The preset of this name; raises ValueError naming those that exist."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: there are {', '.join(PRESETS)}")
    return PRESETS[name]


def as_json(record: object) -> dict:
    """A record as plain dicts and lists, ready for `json.dumps`."""
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"{type(record).__name__} is no configuration record")
    return dataclasses.asdict(record)


def from_json(cls: type[Record], data: object) -> Record:
    """What `as_json` wrote; ValueError names an unknown or missing key, or a wrong value."""
    return typing.cast(Record, _read(cls, data, cls.__name__))


def _read(kind: typing.Any, data: typing.Any, where: str) -> typing.Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_record(kind, data, where)
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise ValueError(f"{where} is {data!r}, but must be a list")
        inner = typing.get_args(kind)[0]
        return tuple(_read(inner, value, where) for value in data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in (int, float, str, bool) and type(data) is not kind:
        raise ValueError(f"{where} is {data!r}, but must be of type {kind.__name__}")
    return data


def _read_record(cls: type, data: typing.Any, where: str) -> typing.Any:
    if not isinstance(data, dict):
        raise ValueError(f"{where} is {data!r}, but must be an object with keys")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise ValueError(f"{where} has no key {unknown[0]!r}; it knows {', '.join(fields)}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in data:
            raise ValueError(f"{where} lacks the key {name!r}")
    values = {name: _read(hints[name], value, f"{where}.{name}") for name, value in data.items()}
    return cls(**values)
