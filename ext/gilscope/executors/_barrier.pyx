"""A barrier on shared memory that never needs the GIL: for threads, processes and sub-interpreters alike.

Sense-reversing (Mellor-Crummey & Scott, ACM TOCS 9(1), 1991, section 3.1): the last worker to arrive advances a generation
counter on which the others wait, first spinning for a short while, then blocked in the kernel (futex on Linux, short sleeps
elsewhere). The last arrival's time is left in the shared block, so that each worker can tell waiting for others (imbalance)
from being woken late (the price of the barrier).
"""

from gilscope.core.errors import BrokenBarrierError

cdef extern from *:
    """
    #include <stdint.h>
    #if defined(_WIN32)
      #include <windows.h>
      static int64_t gs_now(void) {
          LARGE_INTEGER f, c; QueryPerformanceFrequency(&f); QueryPerformanceCounter(&c);
          return (int64_t)((double)c.QuadPart * 1e9 / (double)f.QuadPart);
      }
      static void gs_block(uint32_t *word, uint32_t value) { (void)word; (void)value; Sleep(0); }
      static void gs_wake(uint32_t *word) { (void)word; }
    #else
      #include <time.h>
      #include <unistd.h>
      /* The clock of time.perf_counter_ns(). */
      static int64_t gs_now(void) {
      #if defined(__APPLE__)
          return (int64_t)clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
      #else
          struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
          return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
      #endif
      }
      #if defined(__linux__)
        #if __has_include(<linux/futex.h>)
        #include <linux/futex.h>
        #else /* the kernel's headers are a package of their own on some systems (Alpine); its interface is fixed */
        #define FUTEX_WAIT 0
        #define FUTEX_WAKE 1
        #endif
        #include <sys/syscall.h>
        /* No FUTEX_PRIVATE_FLAG: the word is shared between processes. Spurious returns are fine, the caller re-checks. */
        static void gs_block(uint32_t *word, uint32_t value) {
            syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
        }
        static void gs_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }
      #else
        static void gs_block(uint32_t *word, uint32_t value) {
            struct timespec t = {0, 20000}; (void)word; (void)value; nanosleep(&t, NULL);
        }
        static void gs_wake(uint32_t *word) { (void)word; }
      #endif
    #endif

    #if defined(__x86_64__) || defined(__i386__)
      #define gs_pause() __builtin_ia32_pause()
    #elif defined(__aarch64__)
      #define gs_pause() __asm__ __volatile__("yield")
    #else
      #define gs_pause() ((void)0)
    #endif

    #if defined(_MSC_VER)
      #define gs_load(p) (*(volatile uint32_t *)(p))
      #define gs_store(p, v) InterlockedExchange((volatile LONG *)(p), (LONG)(v))
      #define gs_increment(p) ((uint32_t)InterlockedIncrement((volatile LONG *)(p)))
      #define gs_fetch_add(p) ((int64_t)InterlockedExchangeAdd64((volatile LONG64 *)(p), 1))
    #else
      #define gs_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
      #define gs_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
      #define gs_increment(p) __atomic_add_fetch((p), 1, __ATOMIC_ACQ_REL)
      #define gs_fetch_add(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)
    #endif

    /* Each word on a cache line of its own: arrivals must not disturb those who spin on the generation. */
    typedef struct {
        uint32_t generation; char pad0[60];
        uint32_t arrived;    char pad1[60];
        uint32_t aborted;    char pad2[60];
        int64_t last_arrival; char pad3[56];
        int64_t taken;       char pad4[56];
    } gs_barrier;

    typedef struct { int64_t arrived, last_arrival, released, spun; } gs_passage;

    static int gs_wait(gs_barrier *b, uint32_t parties, int64_t spin_ns, int reset, gs_passage *out) {
        uint32_t generation = gs_load(&b->generation);
        int64_t now = out->arrived = gs_now();
        out->spun = 0;
        if (gs_load(&b->aborted)) return -1;
        if (gs_increment(&b->arrived) == parties) {
            b->last_arrival = now;
            if (reset) b->taken = 0; /* seen by all once the generation has advanced */
            gs_store(&b->arrived, 0);
            gs_store(&b->generation, generation + 1);
            gs_wake(&b->generation);
        } else {
            int64_t limit = now + spin_ns;
            int turns = 0;
            while (gs_load(&b->generation) == generation && now < limit) {
                gs_pause();
                if (++turns % 64 == 0) now = gs_now();
            }
            out->spun = now - out->arrived;
            while (gs_load(&b->generation) == generation) gs_block(&b->generation, generation);
        }
        if (gs_load(&b->aborted)) return -1;
        out->last_arrival = b->last_arrival;
        out->released = gs_now();
        return 0;
    }

    static int64_t gs_take(gs_barrier *b) { return gs_fetch_add(&b->taken); }

    static void gs_abort(gs_barrier *b) {
        gs_store(&b->aborted, 1);
        gs_increment(&b->generation);
        gs_wake(&b->generation);
    }
    """
    ctypedef signed long long int64_t
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
    int gs_wait(gs_barrier *b, uint32_t parties, int64_t spin_ns, int reset, gs_passage *out) nogil
    int64_t gs_take(gs_barrier *b) nogil
    void gs_abort(gs_barrier *b) nogil

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

    def __cinit__(self, memory, Py_ssize_t offset, int parties, int64_t spin_ns):
        if parties < 1:
            raise ValueError("a barrier needs at least one party")
        PyObject_GetBuffer(memory, &self.view, PyBUF_WRITABLE)
        if offset < 0 or self.view.len - offset < <Py_ssize_t>sizeof(gs_barrier):
            PyBuffer_Release(&self.view)
            raise ValueError("the memory is too small for a barrier")
        self.shared = <gs_barrier *>(<char *>self.view.buf + offset)
        self.parties = <uint32_t>parties
        self.spin_ns = spin_ns

    def __dealloc__(self):
        PyBuffer_Release(&self.view)

    cdef int64_t meet(self, bint count) except -1:
        cdef gs_passage passage
        cdef int broken
        # GIL: released for the whole wait, so that threads that still compute can take it.
        with nogil:
            broken = gs_wait(self.shared, self.parties, self.spin_ns, not count, &passage)
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
        return self.meet(False)

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
