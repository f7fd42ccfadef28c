"""The figures, drawn from published tables: no number is estimated here. One room a figure; `table` lists them.

Each room takes tables and returns a figure with the rows that are in it (its source data). What a study did not compute
is said in the panel. Draw inside `fonts.figure_style`; sizes in inches, fonts in points.
"""
