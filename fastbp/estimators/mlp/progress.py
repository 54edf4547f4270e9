"""What `verbose` shows: a bar where tqdm is installed, else scikit-learn's lines."""

from fastbp.training.progress import Bar, Silent


class IterationLines(Silent):
    """The lines that scikit-learn prints, on standard output."""

    def show(self, done, total, seconds, loss, validation=None):
        print(f"Iteration {done}, loss = {loss:.8f}")
        if validation is not None:
            print(f"Validation score: {validation:f}")

    def say(self, message):
        print(message)


def shown_for(verbose, total):
    """verbose 0 or False: nothing, which is False; 1 or True: a bar, or lines without tqdm; 2 and more: lines."""
    if not verbose:
        return False
    if verbose == 1:
        try:
            return Bar(total, "epoch")
        except ImportError:
            pass
    return IterationLines()
