"""What may be trained: needs no torch, so that front ends may name it."""

from typing import Literal

#: All weights; the decoder alone; or all, while positions go on being predicted beside structures.
Mode = Literal["all", "decoder", "multitask"]
