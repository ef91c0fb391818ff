"""A trace as people look at it: picture, strip, sequence diagram, page, and the files that other programs open."""

from gilscope.report.timeline.picture import svg

__all__ = ["svg"]
