"""What `verbose` shows: a bar where tqdm is installed, else lines."""


def reporter(verbose, total):
    """verbose 0 or False: nothing; 1 or True: a bar, or lines without tqdm; 2 and more: lines."""
    if not verbose:
        return Silence()
    if verbose == 1:
        try:
            return Bar(total)
        except ImportError:
            pass
    return Lines()


class Silence:
    def epoch(self, number, loss, score):
        """An epoch is over; score is that of the validation data, or None."""

    def say(self, message):
        """Why the training ends, or what changes."""

    def close(self):
        """The training is over."""


class Lines(Silence):
    """The lines that scikit-learn prints."""

    def epoch(self, number, loss, score):
        print(f"Iteration {number}, loss = {loss:.8f}")
        if score is not None:
            print(f"Validation score: {score:f}")

    def say(self, message):
        print(message)


class Bar(Silence):
    """A bar on the standard error stream."""

    def __init__(self, total):
        from tqdm.auto import tqdm

        self._bar = tqdm(total=total, unit="epoch")

    def epoch(self, number, loss, score):
        shown = {"loss": f"{loss:.6g}"} | ({} if score is None else {"validation": f"{score:.4f}"})
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def say(self, message):
        self._bar.write(message)

    def close(self):
        self._bar.close()
