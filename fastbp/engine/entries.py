"""The engine's kernels that Python calls, without the import of Numba where they are compiled already."""

from fastbp.compiler.entries import Entry

TILES, LANES = "fastbp.engine.tiles.epoch", "fastbp.engine.lanes.epoch"

# One network, shared by threads.
epoch = Entry(TILES, "epoch")
mean_error = Entry(TILES, "mean_error")
predict = Entry(TILES, "predict")
pause_often = Entry("fastbp.engine.turns", "pause_often")

# Many networks, one or four samples of each at a time.
epoch_by_one = Entry(LANES, "epoch_by_one")
epoch_by_four = Entry(LANES, "epoch_by_four")
errors_by_one = Entry(LANES, "errors_by_one")
errors_by_four = Entry(LANES, "errors_by_four")
draw_orders = Entry("fastbp.engine.lanes.shuffles", "draw_orders")
