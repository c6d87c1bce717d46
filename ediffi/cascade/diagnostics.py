"""What a super-resolution stage did to a picture: is it still the same one, and is it sharper?

Pure functions of tensors (b, 3, h, w) in [-1, 1], one number or row per picture. Knows neither
networks nor what the pictures show.
"""

from torch import Tensor
from torch.nn import functional as F


def shrunk(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """`pictures` (b, c, H, W) averaged over areas to `size`, as low-resolution truth is made."""
    return F.interpolate(pictures, size=size, mode="area")


def consistency(picture: Tensor, low_res: Tensor) -> Tensor:
    """Root mean square difference (b,) of the shrunk picture to what it was made of; 0 is perfect.

    `low_res` (b, 3, h, w); in units of [-1, 1], so that one step of 8 bits is 2 / 255.
    """
    difference = shrunk(picture, (low_res.shape[2], low_res.shape[3])) - low_res
    return difference.square().flatten(1).mean(1).sqrt()


def colour_drift(picture: Tensor, reference: Tensor) -> Tensor:
    """Mean of every channel minus that of the reference, (b, 3); the sizes may differ."""
    return picture.mean((2, 3)) - reference.mean((2, 3))


def sharpness(picture: Tensor, reference: Tensor) -> Tensor:
    """Gradient energy of the picture over that of the reference, (b,): above 1 is sharper.

    Raises ValueError unless both have one size, since edges of larger pictures are softer per
    pixel. A reference without any edge gives infinity, or nan where both have none.
    """
    if picture.shape != reference.shape:
        shapes = f"{tuple(picture.shape)} and {tuple(reference.shape)}"
        raise ValueError(f"sharpness compares pictures of one shape, not {shapes}")
    return gradient_energy(picture) / gradient_energy(reference)


def gradient_energy(picture: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, across plus down, (b,)."""
    across = (picture[..., :, 1:] - picture[..., :, :-1]).square()
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square()
    return across.flatten(1).mean(1) + down.flatten(1).mean(1)
