"""Update rules, as their users name them."""

from dataclasses import dataclass

from fastbp import door


@dataclass(frozen=True)
class SGD:
    """Gradient descent on mini-batches: w <- w - eta dE/dw (slide 12 of the lecture).

    Parameters
    ----------
    learning_rate : float
        eta, positive.

    Raises
    ------
    TypeError, ValueError
        If `learning_rate` is no positive finite number.

    Examples
    --------
    >>> import fastbp
    >>> fastbp.SGD(0.05)
    SGD(learning_rate=0.05)
    """

    learning_rate: float = 0.1

    def __post_init__(self):
        object.__setattr__(self, "learning_rate", door.positive_number("learning_rate", self.learning_rate))
