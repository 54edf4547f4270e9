"""Damaged and hostile model files, twenty thousand of them (fuzz.py); with `pytest --fuzz 1000000` a million."""

import subprocess
import sys

from tests.cases import UNCOMPILED

FEWER = 10  # without a compiler nothing is different, but slower


def test_no_mutant_does_anything_but_raise_a_model_file_error(request, tmp_path):
    mutants = request.config.getoption("--fuzz") // (FEWER if UNCOMPILED else 1)
    command = [sys.executable, "-m", "tests.fuzz", "--mutants", str(mutants)]
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 0, out.stderr[-3000:]
    refused, read = (int(part.split()[0]) for part in out.stdout.split(", "))
    assert refused + read == mutants
    assert refused > 0.5 * mutants
    assert read > 0.01 * mutants  # which are those that say something else, but nothing wrong
