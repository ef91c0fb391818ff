"""Gates on the GIL: C code that releases it, byte code that holds it."""

from __future__ import annotations

import hashlib

import pytest

from gilscope.core.errors import UsageError
from gilscope.testing import GilGate


def _holds() -> int:
    return sum(i * i for i in range(3000))


@pytest.mark.measuring
def test_the_gil_gate_tells_c_code_from_byte_code() -> None:
    told: list[dict[str, object]] = []
    gate = GilGate(report=told.append)
    gate.assert_released(hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 20_000)
    gate.assert_held_below(hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 20_000, share=0.5)
    with pytest.raises(AssertionError, match="_holds: the GIL is held"):
        gate.assert_released(_holds)
    assert [decision["outcome"] for decision in told] == ["passed", "passed", "failed"]


def test_a_share_is_a_fraction() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        GilGate().assert_held_below(_holds, share=1.5)
