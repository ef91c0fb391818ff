"""Workers have unequal work, so that some wait for others."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import ImbalanceEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above
from gilscope.analysis.losses import Account

CURE = "cut the work into smaller chunks (--chunks), or hand them out as workers become free"


def find(view: CaseView) -> Finding | None:
    """Name it where workers waited for others for more than delays from outside explain."""
    if not (view.held_back and view.idles) or view.account is None:
        return None
    judge = _of_native if view.case.executor == "native" else _of_workers
    return judge(view, view.account)


def _of_workers(view: CaseView, account: Account) -> Finding | None:
    """Judge by waiting at barriers and at the end.

    A delay of one worker makes p - 1 others wait, so up to (p - 1) times what the run queue, the hypervisor, locks, the
    GIL and late messages took is theirs, unless the CPU times themselves are uneven, more than those of the control,
    whose workers may share cores unevenly too. Beside other programs only these decide.
    """
    lost, uneven = view.lost("imbalance"), view.uneven
    delays = account.lost_by_block("run_queue", "stolen", "blocked", "dispatch", "gil_wait")
    waited = account.fractions["imbalance"]
    own = averaged({at: waited[at] - (view.case.workers - 1) * max(0.0, delays[at]) for at in waited})
    crowded = above(view.lost("run_queue"), WORTH)
    if not above(lost, WORTH) or not (above(uneven, WORTH) or (above(own, WORTH) and not crowded)):
        return None
    share = min(lost.value, max(part.value for part in (uneven, own) if part is not None))
    return Finding(code="imbalance", evidence=ImbalanceEvidence(imbalance=lost, uneven=uneven), share=share)


def _of_native(view: CaseView, account: Account) -> Finding | None:
    """Judge by idle threads and by CPU time that isolated workers did not need: a runtime's threads spin and wait."""
    idle, spinning = account.fractions["omp_idle"], view.ceiling.inflation_software
    lost = averaged({at: idle[at] + spinning[at] for at in idle if at in spinning} if spinning else idle)
    if not above(lost, WORTH):
        return None
    evidence = ImbalanceEvidence(waiting=lost, omp_idle=view.lost("omp_idle"), spinning=averaged(spinning))
    return Finding(code="imbalance", evidence=evidence, share=lost.value)
