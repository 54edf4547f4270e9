"""Vectors, tiles and pointers for the kernels: LLVM's, or NumPy's where nothing is compiled."""

import numba

if numba.config.DISABLE_JIT:
    from fastbp.engine.standins import (
        add_column,
        add_outer,
        add_to_tile,
        address,
        ask_for,
        atomic_add,
        atomic_load,
        double,
        exponent_of,
        fma,
        lanes,
        let_others_run,
        load,
        load_part,
        load_rows,
        magnitude,
        mantissa_of,
        moved,
        spread,
        store,
        store_tile,
        tile_columns,
        tile_rows,
        total,
        transposed,
        two_to,
        where_less,
        with_sign_of,
        zeros,
    )
else:
    from fastbp.engine.atomics import (
        atomic_add,
        atomic_load,
        let_others_run,
    )
    from fastbp.engine.simd import (
        address,
        ask_for,
        double,
        exponent_of,
        fma,
        lanes,
        load,
        load_part,
        magnitude,
        mantissa_of,
        moved,
        spread,
        store,
        total,
        two_to,
        where_less,
        with_sign_of,
    )
    from fastbp.engine.tiles import (
        add_column,
        add_outer,
        add_to_tile,
        load_rows,
        store_tile,
        tile_columns,
        tile_rows,
        transposed,
        zeros,
    )
