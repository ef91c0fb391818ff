"""A trace as people look at it: picture, strip, sequence diagram, page, and the files that other programs open."""

from gilscope.core.trace import Trace
from gilscope.report.timeline.picture import svg
from gilscope.report.timeline.sequence import in_sequence, sequence_svg

__all__ = ["best_svg", "in_sequence", "svg"]


def best_svg(trace: Trace, *, ident: str, width: int = 760) -> str:
    """Draw a trace as a sequence diagram where that shows it well, else as a timeline."""
    return (sequence_svg if in_sequence(trace) else svg)(trace, ident=ident, width=width)
