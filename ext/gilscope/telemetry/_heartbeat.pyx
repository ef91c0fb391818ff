# cython: language_level=3, freethreading_compatible=True
"""A thread that wakes up at random moments and notes how long it waits for the GIL (``_heartbeat.h``).

What the waits mean is in ``gilscope.telemetry.latency``.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

cdef extern from "_heartbeat.h":
    ctypedef void *PyThread_type_lock
    PyThread_type_lock PyThread_allocate_lock()
    void PyThread_free_lock(PyThread_type_lock lock)
    int PyThread_acquire_lock(PyThread_type_lock lock, int wait)
    void PyThread_release_lock(PyThread_type_lock lock)
    int64_t gs_now_ns()
    int gs_beat(PyThread_type_lock stop, int64_t moment_ns, int64_t *ready_ns, int64_t *acquired_ns)


cdef class Heartbeat:
    """Wakes up once in every ``width_s``, at a random moment of it, from run() to stop()."""

    cdef PyThread_type_lock _stop
    cdef int64_t *_waits_ns
    cdef int64_t _width_ns, _waited_ns
    cdef uint64_t _random, _capacity, _samples
    cdef bint _stopped

    def __cinit__(self, *, double width_s, uint64_t seed, uint64_t capacity):
        self._stop = PyThread_allocate_lock()
        self._waits_ns = <int64_t *>malloc(capacity * sizeof(int64_t))
        if self._stop == NULL or self._waits_ns == NULL:
            raise MemoryError("no memory for the heartbeat")
        PyThread_acquire_lock(self._stop, 1)
        self._width_ns, self._random, self._capacity = <int64_t>(width_s * 1e9), seed | 1, capacity

    def __dealloc__(self):
        if self._stop != NULL:
            PyThread_free_lock(self._stop)
        free(self._waits_ns)

    cdef uint64_t _draw(self):
        self._random ^= self._random >> 12  # xorshift64*
        self._random ^= self._random << 25
        self._random ^= self._random >> 27
        return (self._random * <uint64_t>0x2545F4914F6CDD1D) >> 11

    cdef int64_t _moment(self, int64_t slot):
        return slot + <int64_t>(self._draw() * 2.0 ** -53 * self._width_ns)

    cdef void _keep(self, int64_t wait_ns):
        """Keep a wait; beyond the capacity a uniform sample of all (algorithm R; Vitter 1985)."""
        cdef uint64_t place = self._samples
        self._samples += 1
        if place >= self._capacity:
            place = self._draw() % self._samples
        if place < self._capacity:
            self._waits_ns[place] = wait_ns

    def run(self):
        """Wake up until stop(); to be called in a thread of its own."""
        cdef int64_t slot = gs_now_ns(), ready, acquired
        cdef int64_t moment = self._moment(slot)
        while gs_beat(self._stop, moment, &ready, &acquired):
            self._waited_ns += acquired - ready
            # Who would have woken up during this wait would have waited too: without them a long hold would count once,
            # however many slots it covers ("coordinated omission").
            while moment < acquired:
                self._keep(acquired - max(moment, ready))
                slot += self._width_ns
                moment = self._moment(slot)

    def stop(self):
        """Have run() return; a second call does nothing."""
        if not self._stopped:
            self._stopped = True
            PyThread_release_lock(self._stop)

    def waits(self):
        """(the waits that were kept, in nanoseconds; how many there were)."""
        cdef uint64_t i
        return [self._waits_ns[i] for i in range(min(self._samples, self._capacity))], self._samples

    def waited_ns(self):
        """What the thread itself waited, in all."""
        return self._waited_ns
