"""A round of a result file as a trace: what each worker did between hand-out and reply, from its stamps."""

from collections.abc import Iterator, Sequence

from gilscope.core.errors import ResultFileError, UsageError
from gilscope.core.records import Block, CaseRecord, ResultSet, Round, Stamp
from gilscope.core.registry import id_of
from gilscope.core.trace import GIL_LANE, Category, Event, Message, Trace
from gilscope.results.codec import kept_round

_MAIN = "main"


def choose_case(result: ResultSet, requested: str | None) -> str:
    """Return the case to draw: the requested one, else the first with several workers, threads before others.

    Raises UsageError if it is not in the result, or nothing was measured.
    """
    measured = list(dict.fromkeys(key for block in result.blocks for key in block.rounds))
    if not measured:
        raise UsageError(f"{result.path} holds no rounds: measure longer, or look at 'gilscope show {result.path}'")
    if requested is None:
        plain = [key for key in measured if ":" not in key and "*" in key]
        parallel = [key for key in plain if not key.partition("*")[2].startswith("1#")]
        return next((key for key in parallel if "@threads" in key), (parallel or measured)[0])
    if (record := result.cases.get(requested)) is not None and requested not in measured:
        raise UsageError(f"{requested} was not measured: {record.reason or record.status}")
    return id_of(requested, measured, str(result.path), f"'gilscope show {result.path}' lists them")


def trace_of(result: ResultSet, case: str, block: int | None = None) -> Trace:
    """Return one round of a case (by its id) or a control (by its key).

    It is the counted round of a block; by default the diagnostic round that kept who held the GIL, and where there is
    none the counted round of median length. Raises UsageError if the block does not exist or does not hold the case.
    """
    if block is None and (watched := _watched(result, case)) is not None:
        return watched
    chosen = _block(result, case, block)
    measured = chosen.rounds[case]
    title = f"{case}, block {chosen.index}"
    return round_trace(measured, title=title, case=case, notes=_notes(measured, result.cases.get(case)))


def _block(result: ResultSet, case: str, index: int | None) -> Block:
    holding = [block for block in result.blocks if case in block.rounds]
    if index is None:
        return sorted(holding, key=lambda block: block.rounds[case].wall_ns)[len(holding) // 2]
    for block in holding:
        if block.index == index:
            return block
    known = f"0 to {max(block.index for block in holding)}"
    raise UsageError(f"{case} has no round in block {index}: there are blocks {known}")


def _watched(result: ResultSet, case: str) -> Trace | None:
    """Return the diagnostic round of a case that kept who held the GIL."""
    try:
        kept = kept_round(result.diagnostics, case)
    except (ValueError, KeyError, TypeError):
        raise ResultFileError(f"{result.path}: the diagnostic round of {case} is damaged; use --block 0") from None
    if kept is None:
        return None
    measured, holds = kept
    names = {"MainThread": _MAIN}
    gil = [
        Event(lane=GIL_LANE, name=names.get(name, name), start_ns=start, end_ns=end, category="gil")
        for name, start, end in holds
    ]
    notes = [
        "a diagnostic round: the GIL was looked at 2000 times a second, so shorter holds may be missing",
        *_notes(measured, result.cases.get(case)),
    ]
    return round_trace(measured, title=f"{case}, diagnostic round", case=case, notes=notes, more=gil)


def _notes(measured: Round, record: CaseRecord | None) -> list[str]:
    notes = []
    if measured.repeats > 1:
        notes.append(f"the kernel ran {measured.repeats} times in this round")
    if any(stamp.waiting_ns or stamp.waking_ns for stamp in measured.stamps):
        notes.append("waits at inner barriers are kept as sums: they are drawn together, at the end of the computing")
    if record is not None and record.one_time_ns:
        once = ", ".join(f"{name} {ns / 1e6:.1f} ms" for name, ns in record.one_time_ns.items())
        notes.append(f"once, before all rounds: {once}")
    return notes


def round_trace(
    measured: Round, *, title: str, case: str = "", notes: Sequence[str] = (), more: Sequence[Event] = ()
) -> Trace:
    """Return a round as a trace: the parent's lane, and one per worker.

    Raises ResultFileError if the round has stamps of more workers than such a case has.
    """
    stamps = measured.stamps
    lanes, caution = _lanes(measured, case)
    if len(lanes) < len(stamps):
        raise ResultFileError(f"{title} is damaged: it has stamps of {len(stamps)} workers")
    events, messages = list(more), []
    for lane, stamp in zip(lanes, stamps, strict=True):
        events += _worker(lane, stamp)
        if lane != _MAIN:
            messages += [
                Message(source=_MAIN, target=lane, name="work", sent_ns=stamp.submit_ns, received_ns=stamp.start_ns),
                Message(source=lane, target=_MAIN, name="done", sent_ns=stamp.end_ns, received_ns=stamp.received_ns),
            ]
    if lanes != [_MAIN]:
        events += _parent(measured)
    order = (_MAIN, GIL_LANE, *lanes)
    return Trace(title=title, events=tuple(events), messages=tuple(messages), order=order, notes=(*notes, *caution))


def _lanes(measured: Round, case: str) -> tuple[list[str], list[str]]:
    """Return the lane of each stamp, and a note if these are not workers."""
    count = len(measured.stamps)
    if "@serial" in case:
        return [_MAIN][:count], []
    if "@native" in case:
        return ["native threads"][:count], []
    workers = int(case.partition("*")[2].partition("#")[0].partition("~")[0] or 0) if "*" in case else count
    if workers > count:
        note = f"of {workers} workers the file keeps {count} quantiles of each time: a lane is no single worker"
        return [f"quantile-{index}" for index in range(count)], [note]
    return [f"worker-{index}" for index in range(count)], []


def _event(lane: str, name: str, start_ns: int, end_ns: int, category: Category) -> Iterator[Event]:
    if end_ns > start_ns:
        yield Event(lane=lane, name=name, start_ns=start_ns, end_ns=end_ns, category=category)


def _worker(lane: str, stamp: Stamp) -> Iterator[Event]:
    waits = min(stamp.waiting_ns + stamp.waking_ns, stamp.end_ns - stamp.start_ns)
    computed = stamp.end_ns - waits
    waited = min(stamp.end_ns, computed + stamp.waiting_ns)
    arrived = max(stamp.submit_ns, stamp.start_ns - stamp.gathering_ns)
    yield from _event(lane, "receive the work", stamp.submit_ns, arrived, "hand_over")
    yield from _event(lane, "wait for the others", arrived, stamp.start_ns, "barrier")
    yield from _event(lane, "compute", stamp.start_ns, computed, "compute")
    yield from _event(lane, "wait for others", computed, waited, "wait")
    yield from _event(lane, "be woken", waited, stamp.end_ns, "hand_over")
    yield from _event(lane, "send the answer", stamp.end_ns, stamp.received_ns, "send")


def _parent(measured: Round) -> Iterator[Event]:
    stamps = measured.stamps
    if not stamps:
        return
    first, last = min(s.submit_ns for s in stamps), max(s.submit_ns for s in stamps)
    begun, collected = min(s.received_ns for s in stamps), max(s.received_ns for s in stamps)
    yield from _event(_MAIN, "hand out", first, last, "send")
    yield from _event(_MAIN, "wait for the workers", last, begun, "wait")
    yield from _event(_MAIN, "collect answers", max(last, begun), collected, "hand_over")
    yield from _event(_MAIN, "combine", collected, collected + measured.combine_ns, "compute")
