"""Simulations of the study's own statistics: does a test reject when nothing is there, does an interval cover the
truth?

Each module of this package asks one such question of the functions that the workflow runs. It has a `TITLE`, a `TEXT`
(what is simulated, in a paragraph for the page) and a function ``run(n, root_seed)`` that gives one row a setting and
quantity. ``python -m shared_affect.simulations`` runs them in full and writes ``docs/methods.md``; the tests run the
same functions on fewer datasets.
"""
