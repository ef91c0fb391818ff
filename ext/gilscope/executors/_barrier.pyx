"""A barrier on shared memory that never needs the GIL: for threads, processes and sub-interpreters alike.

Sense-reversing (Mellor-Crummey & Scott, ACM TOCS 9(1), 1991, section 3.1): the last worker to arrive advances a generation
counter on which the others wait, first spinning for a short while, then blocked in the kernel (futex on Linux, short sleeps
elsewhere). The last arrival's time is left in the shared block, so that each worker can tell waiting for others (imbalance)
from being woken late (the price of the barrier). It also hands on the latest arrival's virtual time (``_virtual.h``), so
that time which other programs took of one worker is taken out of everybody's wait.
"""

from gilscope.core.errors import BrokenBarrierError

# In this order: each includes those before it. Cython copies the headers it sees here to where it builds.
cdef extern from "_virtual.h" nogil:
    ctypedef signed long long int64_t
    ctypedef struct gs_virtual:
        int fd
        int64_t value
        int64_t queued
        int64_t stolen
    int gs_virtual_open(const char *path)
    void gs_virtual_close(int fd)
    int64_t gs_virtual_advance(gs_virtual *clock, int64_t now, int last)

cdef extern from "_barrier.h" nogil:
    ctypedef unsigned int uint32_t
    ctypedef struct gs_barrier:
        uint32_t generation
        uint32_t arrived
        uint32_t aborted
        int64_t last_arrival
    ctypedef struct gs_passage:
        int64_t arrived
        int64_t last_arrival
        int64_t released
        int64_t spun
    int gs_wait(gs_barrier *b, uint32_t parties, int64_t spin_ns, int start, gs_virtual *clock, gs_passage *out)
    int64_t gs_take(gs_barrier *b)
    void gs_abort(gs_barrier *b)

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

NBYTES = sizeof(gs_barrier)


cdef class Barrier:
    """One worker's view of a barrier in shared memory.

    Parameters
    ----------
    memory : writable buffer
        At least ``NBYTES`` bytes from ``offset`` on, zero before first use, 64-byte aligned.
    offset : int
    parties : int
        How many workers meet.
    spin_ns : int
        How long to spin before blocking; 0 where workers outnumber CPUs.
    schedstat : str
        The file in which the system counts the calling thread's queueing; tests have one of their own.

    Attributes
    ----------
    waiting_ns, waking_ns, spun_ns : int
        Sums since ``start()``: last arrival - own arrival; own release - last arrival; wall time spent spinning.

    Notes
    -----
    The object itself is for one worker only; the memory behind it is what is shared.
    """

    cdef Py_buffer view
    cdef gs_barrier *shared
    cdef uint32_t parties
    cdef int64_t spin_ns
    cdef readonly int64_t waiting_ns
    cdef readonly int64_t waking_ns
    cdef readonly int64_t spun_ns
    cdef gs_virtual clock
    cdef bytes schedstat

    def __cinit__(
        self, memory, Py_ssize_t offset, int parties, int64_t spin_ns, str schedstat="/proc/thread-self/schedstat"
    ):
        self.clock.fd = -1
        if parties < 1:
            raise ValueError("a barrier needs at least one party")
        PyObject_GetBuffer(memory, &self.view, PyBUF_WRITABLE)
        if offset < 0 or self.view.len - offset < <Py_ssize_t>sizeof(gs_barrier):
            PyBuffer_Release(&self.view)
            raise ValueError("the memory is too small for a barrier")
        self.shared = <gs_barrier *>(<char *>self.view.buf + offset)
        self.parties = <uint32_t>parties
        self.spin_ns = spin_ns
        self.schedstat = schedstat.encode()

    def __dealloc__(self):
        gs_virtual_close(self.clock.fd)
        PyBuffer_Release(&self.view)

    cdef int64_t meet(self, bint count) except -1:
        cdef gs_passage passage
        cdef int broken
        # GIL: released for the whole wait, so that threads that still compute can take it.
        with nogil:
            broken = gs_wait(self.shared, self.parties, self.spin_ns, not count, &self.clock, &passage)
        if broken:
            raise BrokenBarrierError("another worker failed while this one waited at the barrier")
        if count:
            self.waiting_ns += passage.last_arrival - passage.arrived
            self.waking_ns += passage.released - passage.last_arrival
            self.spun_ns += passage.spun
        return passage.released

    def start(self):
        """Wait for all parties, forget the sums, return the time of release in ns of ``perf_counter_ns``.

        Raises
        ------
        BrokenBarrierError
            If the barrier was aborted.
        """
        self.waiting_ns = self.waking_ns = self.spun_ns = 0
        if self.clock.fd < 0:  # closed after each round: a pool of 256 threads would keep 256 open
            self.clock.fd = gs_virtual_open(self.schedstat)
        return self.meet(False)

    def finish(self, int64_t end_ns):
        """End the round at ``end_ns``; return (net, stolen) in ns, or None where queueing is not known.

        Net is the virtual time since the last arrival at the start barrier: without what other programs took of the
        worker that everybody waited for. Stolen is the steal that is certain.
        """
        if self.clock.fd < 0:
            return None
        gs_virtual_advance(&self.clock, end_ns, True)
        known = self.clock.fd >= 0
        gs_virtual_close(self.clock.fd)
        self.clock.fd = -1
        return (self.clock.value, self.clock.stolen) if known else None

    def wait(self):
        """Wait for all parties and add to the sums.

        Raises
        ------
        BrokenBarrierError
            If the barrier was aborted.
        """
        self.meet(True)

    def take(self):
        """Return the next number of a counter all parties share: 0, 1, 2, ... since ``start()``."""
        return gs_take(self.shared)

    def abort(self):
        """Release everybody who waits, now and later, with BrokenBarrierError. For good."""
        with nogil:
            gs_abort(self.shared)
