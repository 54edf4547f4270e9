"""`fastbp.trace`: every number of the lecture for one sample, as a table, as steps in letters and numbers, checked."""
