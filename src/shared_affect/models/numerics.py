"""What besides inputs decides a value's last bits; no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass

DTYPES = ("float32", "bfloat16", "float16")
ENCODERS = ("float32", "tf32", "bfloat16")


@dataclass(frozen=True)
class Numerics:
    """What besides inputs decides a value's last bits.

    Attributes
    ----------
    dtype, device, attention : str
        See `load.load_model`. Only the device's type enters keys.
    chunk_batch : int
        Stimuli a forward pass.
    encoder : {"float32", "tf32", "bfloat16"}
        Precision of the matrix product of an SAE's encoder; ``tf32`` needs a card.
    """

    dtype: str = "float32"
    device: str = "cpu"
    attention: str = "eager"
    chunk_batch: int = 64
    encoder: str = "float32"

    def key(self) -> dict:
        """What enters keys; float32 encoders are not named, so that records of before the column are found."""
        named = asdict(self) | {"device": self.device.split(":")[0]}
        return {k: v for k, v in named.items() if k != "encoder" or v != "float32"}
