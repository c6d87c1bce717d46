"""Frozen records that describe every part, and how they become JSON and come back.

Knows names and limits only: it builds nothing, imports no torch and reads no file.
"""

import dataclasses
import types
import typing
from dataclasses import dataclass, field

from ediffi.limits import check_integers, check_number

Record = typing.TypeVar("Record")

HIGHEST_SIGMA = 1e4
"""No noise level lies above; a window of effect that ends here has no upper end."""


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
    as ADM, or `layer`: per pixel, so that its statistics do not depend on the picture's size. With
    6 `image_channels` a low-resolution picture stands behind the noisy one.
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
        if len(set(lengths.values())) != 1 or not self.multipliers:
            raise ValueError(f"every level needs one entry in each of {lengths}")
        check_integers(self, ("channels", "stem_patch", "head_channels"), 1, 16_384)
        check_integers(self, ("context_width", "embedding_width"), 1, 16_384)
        check_integers(self, ("multipliers", "blocks"), 1, 64)
        if self.norm not in ("group", "layer"):
            raise ValueError(f"norm is {self.norm!r}, but must be 'group' or 'layer'")
        if self.image_channels not in (3, 6):
            raise ValueError(f"image_channels is {self.image_channels}, but must be 3 or 6")
        for level, multiplier in enumerate(self.multipliers):
            width, head = self.channels * multiplier, self.head_channels
            if (self.self_attention[level] or self.cross_attention[level]) and width % head:
                raise ValueError(f"level {level} is {width} wide, no multiple of heads of {head}")

    @property
    def smallest_side(self) -> int:
        """The side a picture must be a multiple of, in pixels."""
        return self.stem_patch * 2 ** (len(self.multipliers) - 1)

    @property
    def takes_low_res(self) -> bool:
        """Whether the network is shown a low-resolution picture beside the noisy one."""
        return self.image_channels == 6


@dataclass(frozen=True)
class EfficientUNetConfig(UNetConfig):
    """Imagen's Efficient U-Net, the super-resolution network (paper App. A), in the same numbers.

    What differs is the arrangement: a level has `blocks[i]` blocks on the way down and as many on
    the way up, and attention stands once behind its last block of either way. `kind` tells the two
    apart in JSON.
    """

    image_channels: int = 6
    kind: str = "efficient"

    def __post_init__(self) -> None:
        """Raise ValueError as `UNetConfig` does, and for another kind."""
        super().__post_init__()
        if self.kind != "efficient":
            raise ValueError(f"kind is {self.kind!r}, but must be 'efficient'")


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
            check_number(f"dropout of {name}", getattr(self, name), 0, 1)


@dataclass(frozen=True)
class ExpertGuidance:
    """Guidance of one expert instead of the stage's; it acts for low < sigma <= high."""

    expert: str
    guidance: float
    low: float = 0.0
    high: float = 1e4


@dataclass(frozen=True)
class SamplingConfig:
    """Solver, noise grid and guidance of one stage; guidance acts for low < sigma <= high.

    `per_expert` replaces the guidance where these experts serve. `seam_history` lets a multistep
    solver extrapolate from one expert's estimate to the next one's. `insist`, 0 (the paper) to 0.5,
    is how far early steps of the base move the picture until every phrase of the prompt is heard
    (`controls.insisting`). `soften`, 0 (the paper) to 4, is the sigma in its own pixels of a
    Gaussian blur over the small picture that a super-resolution stage is shown (`cascade.stages`).
    """

    solver: str = "dpmpp_2m"
    steps: int = 18
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0
    guidance: float = 3.0
    guidance_low: float = 0.0
    guidance_high: float = float("inf")
    per_expert: tuple[ExpertGuidance, ...] = ()
    seam_history: bool = True
    insist: float = 0.0
    soften: float = 0.0


@dataclass(frozen=True)
class StageChoice:
    """How one super-resolution stage is sampled for one picture."""

    stage: str
    sampling: SamplingConfig


@dataclass(frozen=True)
class DenoiserConfig:
    """One trained denoiser: its network, its conditioning and its resolution in pixels."""

    name: str
    resolution: int
    network: UNetConfig | EfficientUNetConfig
    encoders: EncoderDims
    sigma_data: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError when the resolution cannot be folded and halved to the last level."""
        side = self.network.smallest_side
        check_integers(self, ("resolution",), 1, 16_384)
        check_number("sigma_data", self.sigma_data, 1e-3, 1e3)
        if self.resolution % side:
            raise ValueError(f"resolution is {self.resolution}, but must be a multiple of {side}")

    @property
    def coarsest_words(self) -> int:
        """How many cells a side the coarsest grid has that attends to words; 1 where none does."""
        levels = [k for k, attends in enumerate(self.network.cross_attention) if attends]
        if not levels:
            return 1
        return max(1, self.resolution // self.network.stem_patch // 2 ** max(levels))


@dataclass(frozen=True)
class StageConfig:
    """One super-resolution stage: from pictures of side `low` to the denoiser's resolution."""

    low: int
    denoiser: DenoiserConfig
    sampling: SamplingConfig

    def __post_init__(self) -> None:
        """Raise ValueError unless the stage enlarges by a whole factor a picture that it takes."""
        name, high = self.denoiser.name, self.denoiser.resolution
        if self.low < 1 or high % self.low or high == self.low:
            raise ValueError(f"{name} makes {high} px, which is no multiple of its low {self.low}")
        if not self.denoiser.network.takes_low_res:
            raise ValueError(f"{name} cannot be shown a picture: its image_channels must be 6")


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
    """All records of one system and its stages in their order; `noise` is the tree's p(sigma)."""

    name: str
    base: DenoiserConfig
    sampling: SamplingConfig
    training: TrainingConfig
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    stages: tuple[StageConfig, ...] = ()


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
    if origin in (types.UnionType, typing.Union):
        return _read_one_of(typing.get_args(kind), data, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_record(kind, data, where)
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), data, where)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in (int, float, str, bool) and type(data) is not kind:
        raise ValueError(f"{where} is {data!r}, but must be of type {kind.__name__}")
    return data


def _read_tuple(kinds: tuple, data: typing.Any, where: str) -> tuple:
    if not isinstance(data, list | tuple):
        raise ValueError(f"{where} is {data!r}, but must be a list")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(data)
    if len(data) != len(kinds):
        raise ValueError(f"{where} has {len(data)} entries, but must have {len(kinds)}")
    return tuple(_read(kind, value, where) for kind, value in zip(kinds, data, strict=True))


def _read_one_of(kinds: tuple, data: typing.Any, where: str) -> typing.Any:
    """Of several records the one whose `kind` is said; without a `kind`, the one that has none."""
    choices = [choice for choice in kinds if choice is not types.NoneType]
    if data is None and len(choices) < len(kinds):
        return None
    if len(choices) == 1:
        return _read(choices[0], data, where)
    if not all(dataclasses.is_dataclass(choice) for choice in choices):
        return data
    said = data.get("kind") if isinstance(data, dict) else None
    for record in choices:
        if getattr(record, "kind", None) == said:
            return _read_record(record, data, where)
    known = [record.kind for record in choices if hasattr(record, "kind")]
    raise ValueError(f"{where}.kind is {said!r}, but must be left out or one of {known}")


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
