"""The paper's quantitative comparisons (Tables 1, 2, 3 and 6, Figure 7), trained and scored again.

`tables` has the variants that each table compares, with the paper's scores; `runner` trains and
scores them; `render` shows the result beside the paper's.
"""
