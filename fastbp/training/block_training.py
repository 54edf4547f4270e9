"""The training of one network on blocks: a thread makes and checks the next one while this one is trained with."""

import contextlib

import numpy as np

from fastbp import validation
from fastbp.threads.ahead import ahead
from fastbp.training.blocks import BlockSource, BlockSteps, checked_samples, told_of
from fastbp.training.configuration import TrainingConfiguration
from fastbp.training.diagnosis import advice
from fastbp.training.row_sampler import BlockSampler
from fastbp.training.task import NetworkTraining

INSTEAD = {
    "X": "blocks yield X and D", "D": "blocks yield X and D", "sample_weight": "blocks may be (X, D, sample_weight)",
    "rows": "leave them out of the blocks", "validation_rows": "give validation_data=(X, D)",
}  # fmt: skip


class BlockData:
    """What `train` asks of its data, for blocks.

    Parameters
    ----------
    network : Network
    blocks : callable
    validation_data : tuple or None
    given : dict of str to object
        The arguments named in INSTEAD, as they came.
    """

    def __init__(self, network, blocks, validation_data, given):
        for name, instead in INSTEAD.items():
            if given[name] is not None:
                raise ValueError(f"{name} must be None with blocks, got {validation.shown(given[name])}: {instead}")
        self._network, self._source, self._validated = network, BlockSource(blocks, network), None
        if validation_data is not None:
            with told_of("validation_data: "):
                self._validated = checked_samples(validation_data, network)

    def configuration(self, options):
        how = TrainingConfiguration(self._network, options, None, None)
        if self._validated is not None:
            how.validation_rows = np.arange(len(self._validated[0]))
        return how

    def told_apart_by(self, how):
        """Of the blocks a checkpoint knows nothing."""
        from fastbp.files.digest import digest  # here: few trainings need it

        validated = "none" if self._validated is None else digest(self._validated)
        return dict.fromkeys(("X", "D", "sample_weight", "rows"), "blocks") | {"validation_rows": validated}

    def task(self, how, version):
        return BlockTraining(how, self._source, self._validated)

    def advice(self, history, how):
        sample = self._source.sample
        if not sample:
            return None
        X, D, weight = map(np.concatenate, zip(*sample, strict=True))
        return advice(history, self._network, X, D, weight, np.arange(len(X)))


class BlockTraining(NetworkTraining):
    """What the loop asks of it."""

    def __init__(self, how, source, validated):
        super().__init__(how, BlockSampler(how.shuffle, how.seed), validated)
        self._source = source

    def train(self, between):
        epoch, sampler = self.epoch + 1, self.sampler
        steps = BlockSteps(self.runner, self.how.batch_size, self.how.rates_of_blocks, sampler.steps)
        with contextlib.closing(ahead(self._source.epoch(epoch, self.how.label_smoothing))) as blocks:
            loss = self.finite(steps.epoch(blocks, sampler.order_of, between))
        sampler.steps = steps.done
        return loss
