"""What comes out of a check: the result of one exercise, and the table of many."""

from dataclasses import asdict, dataclass, field

STATUSES = ("right", "wrong", "error", "not begun")
SIGNS = {"right": "ok", "wrong": "no", "error": "!!", "not begun": "--"}


@dataclass(frozen=True)
class Result:
    """How one exercise was answered.

    Parameters
    ----------
    name, number, slides
        Of the exercise.
    status : "right", "wrong", "error" or "not begun"
        "error": it could not be judged, because it does not run or does not end.
    message : str
        In words what is wrong, or that nothing is.
    notes : list of str
        What does not change the status: that it prints, or is not compiled.
    witnesses : list of str
        What it was compared with, and how far the two are apart.
    """

    name: str
    number: int
    slides: str
    status: str
    message: str
    notes: list = field(default_factory=list)
    witnesses: list = field(default_factory=list)

    def as_dict(self):
        """All of it as a dictionary of numbers, texts and lists, as JSON needs it."""
        return asdict(self)

    def __str__(self):
        lines = [f"{self.name} ({self.status}): {self.message}"]
        lines += [f"  compared with {witness}" for witness in self.witnesses]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows


def table(results):
    """The progress as text: a line for each exercise, and how many are right.

    Parameters
    ----------
    results : sequence of Result

    Returns
    -------
    str
    """
    results = list(results)
    width = max((len(result.name) for result in results), default=4)
    slides = max((len(result.slides) for result in results), default=6)
    lines = [f"{'':2}  {'':2}  {'exercise':{width}}  {'slides':{max(slides, 6)}}  status"]
    lines += [
        f"{SIGNS[one.status]:2}  {one.number:2}  {one.name:{width}}  {one.slides:{max(slides, 6)}}  {one.status}"
        for one in results
    ]
    right = sum(one.status == "right" for one in results)
    return "\n".join([*lines, f"{right} of {len(results)} right"])
