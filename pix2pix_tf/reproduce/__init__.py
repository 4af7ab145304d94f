"""Reproduction of the paper's quantitative comparisons (Tables 1, 2, 3 and 6, Figure 7).

`tables` defines the variants that each table compares, with the paper's scores; `runner` trains and
scores them; `render` shows the results together with the paper's.
"""
