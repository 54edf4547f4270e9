"""The engine's kernels that Python calls, without the import of Numba where they are compiled already."""

from fastbp.compiler.entries import Entry

TILES, SPARSE, LANES = "fastbp.engine.tiles.epoch", "fastbp.engine.tiles.sparse", "fastbp.engine.lanes.epoch"

# One network, shared by threads.
epoch = Entry(TILES, "epoch", reads=(1, 2, 3))
epoch_of_few = Entry("fastbp.engine.tiles.few", "epoch_of_few", reads=(1, 2, 3))
set_order = Entry("fastbp.engine.tiles.axes", "set_order", reads=(1, 3))
mean_error = Entry(TILES, "mean_error", reads=(0, 1, 2, 3))
predict = Entry(TILES, "predict", reads=(0, 1, 2))
epochs = Entry("fastbp.engine.tiles.epochs", "epochs", reads=(1, 2))
normal_equations = Entry("fastbp.engine.tiles.normal_equations", "normal_equations", reads=(0, 1, 2, 3))
damped_steps = Entry("fastbp.engine.tiles.damped_steps", "damped_steps", reads=(1, 2, 3, 6))
pause_often = Entry("fastbp.engine.turns", "pause_often")

# One network and sparse samples.
sparse_epoch = Entry(SPARSE, "epoch", reads=(1, 2, 3))
sparse_predict = Entry(SPARSE, "predict", reads=(0, 1, 2, 3))

# A sample of a stream.
learn_sample = Entry("fastbp.engine.streams", "learn_sample", reads=(1,))
predict_sample = Entry("fastbp.engine.streams", "predict_sample", reads=(0, 1, 2))

# Many networks, one or four samples of each at a time.
epochs_by_one = Entry(LANES, "epochs_by_one", reads=(1, 2))
epochs_by_four = Entry(LANES, "epochs_by_four", reads=(1, 2))
errors_by_one = Entry(LANES, "errors_by_one", reads=(0, 1, 2, 3))
errors_by_four = Entry(LANES, "errors_by_four", reads=(0, 1, 2, 3))
draw_orders = Entry("fastbp.engine.shuffles", "draw_orders", reads=(2, 4))
