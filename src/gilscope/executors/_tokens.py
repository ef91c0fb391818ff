"""A barrier of pipe tokens, where the compiled one cannot be loaded: same contract, about 100 times slower."""

import struct
from collections.abc import Sequence
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import BrokenBarrierError

_BROKEN = -1


class TokenBarrier:
    """Worker 0 collects a token from each of the others and then releases them.

    ``arrivals`` are the reading and writing connections of a pipe shared by all, ``releases`` those of one per worker.
    """

    def __init__(self, index: int, parties: int, arrivals: Any, releases: Sequence[Any]) -> None:
        self.index, self.parties = index, parties
        self._arrivals, self._releases = arrivals, releases
        self.waiting_ns = self.waking_ns = self.spun_ns = 0

    def _meet(self) -> tuple[int, int, int]:
        arrived = last = clocks.wall_ns()
        if self.index == 0:
            for _ in range(self.parties - 1):
                last = max(last, self._take(self._arrivals[0]))
            for _, release in self._releases[1 : self.parties]:
                release.send_bytes(struct.pack("q", last))
        else:
            self._arrivals[1].send_bytes(struct.pack("q", arrived))
            last = self._take(self._releases[self.index][0])
        return arrived, last, clocks.wall_ns()

    @staticmethod
    def _take(pipe: Any) -> int:
        token: int = struct.unpack("q", pipe.recv_bytes())[0]
        if token == _BROKEN:
            raise BrokenBarrierError("another worker failed while this one waited at the barrier")
        return token

    def start(self) -> int:
        """Wait for all parties, reset the sums, return the time of release."""
        released = self._meet()[2]
        self.waiting_ns = self.waking_ns = 0
        return released

    def wait(self) -> None:
        """Wait for all parties and add to the sums."""
        arrived, last, released = self._meet()
        self.waiting_ns += last - arrived
        self.waking_ns += released - last

    def finish(self, end_ns: int) -> None:
        """Waits are not handed on: the virtual time is not known."""

    def abort(self) -> None:
        """Release all who wait with BrokenBarrierError; the pipes cannot be used again."""
        token = struct.pack("q", _BROKEN)
        self._arrivals[1].send_bytes(token)
        for _, release in self._releases[1 : self.parties]:
            release.send_bytes(token)
