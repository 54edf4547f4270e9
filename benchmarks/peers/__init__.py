"""fastbp against the libraries that people use instead: `python -m benchmarks.peers`.

One process for each rival and number of cores; the parent asks them in turn for one lap each, so that whatever else
the machine is doing hits all of them alike. `rows.py` says what is trained, `problem.py` with which numbers, `ours.py`
and `with_*.py` how each rival does it, `contest.py` who is asked when.
"""
