"""Planted worlds: simulated machines and programs behind the ``Host`` contract, judged by what was planted.

`world` says what can be planted, `weather` and `rounds` play it on a virtual clock, `host` answers the pipeline,
`truth` derives what is right from the plan alone, `judge` runs the whole program on a world, `draw` makes worlds by
seed, `tables` counts. Simulator and truth import nothing of the analysis that they judge: only ``gilscope.core`` and
the contract of ``gilscope.measure.host``. See docs/worlds.md.
"""
