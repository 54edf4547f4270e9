"""What is trained: one row of the table each."""

import itertools
from dataclasses import dataclass

# Rival -> head of its column. The order is that of the table and of each round.
RIVALS = {
    "numpy": "NumPy matrix",
    "jax": "JAX scan",
    "torch": "PyTorch eager",
    "torch-compiled": "PyTorch compiled",
    "sklearn": "scikit-learn",
}
PACKAGES = {"jax": "jax", "torch": "torch", "torch-compiled": "torch", "sklearn": "sklearn"}
OURS = "fastbp"


@dataclass(frozen=True)
class Row:
    """A network, its mini-batch, its update rule and how many samples an epoch has.

    Samples are whole mini-batches, because JAX scans over batches of one shape.
    """

    sizes: tuple
    activation: str
    batch: int
    rule: str
    output: str = "softmax"
    rate: float = 0.01
    epoch: int = 1024

    def __str__(self):
        batch = f"all {self.batch:,}" if self.batch >= self.epoch else self.batch
        return f"{'-'.join(map(str, self.sizes))} {self.activation}, {batch}, {self.rule}"

    @property
    def samples(self):
        """16 steps or more; only the row whose batch is its epoch has one."""
        if self.batch >= self.epoch:
            return self.batch
        return -(-max(self.epoch, 16 * self.batch) // self.batch) * self.batch

    @property
    def flops(self):
        """Of one step: u, dE/dw and dE/dy are a product each, of which the first layer needs no dE/dy."""
        products = [sending * receiving for sending, receiving in itertools.pairwise(self.sizes)]
        return 2 * self.batch * (3 * sum(products) - products[0])


ROWS = [
    Row((4, 8, 3), "relu", 1, "SGD", epoch=2048),
    Row((10, 32, 1), "tanh", 32, "SGD", "identity", 0.001),
    Row((64, 64, 10), "relu", 32, "SGD"),
    Row((64, 64, 10), "sigmoid", 32, "Adam", rate=0.001),
    Row((784, 100, 10), "relu", 32, "Adam", rate=0.001),
    Row((784, 128, 10), "relu", 128, "SGD"),
    Row((784, 256, 128, 10), "tanh", 64, "Adam", rate=0.001),
    Row((784, 1024, 10), "relu", 256, "SGD"),
    Row((1024, 1024, 1024), "relu", 256, "SGD"),
    # SimpleChains.jl's workload: every step sees all samples.
    Row((4, 32, 16, 4), "tanh", 10_000, "Adam", "identity", 0.001),
    # Odd sizes: nothing here is a multiple of a vector or of a tile.
    Row((30, 50, 7), "relu", 17, "SGD"),
    Row((100, 300, 1), "relu", 50, "SGD", "identity", 0.001),
    Row((200, 77, 5), "relu", 60, "SGD"),
]
