"""Registry entries for reductions, shaping, indexing, joining and splitting."""

import numpy as np

from tests.tracing.registry import case

# -- reductions -----------------------------------------------------------------------------------------------------

POSITIVE = (0.3, 2.5)
AXES = [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}, {"keepdims": True}]
for _f in (np.sum, np.mean, np.prod, np.var, np.std):
    for _kwargs in AXES:
        case(_f, lambda a, f=_f, k=_kwargs: f(a, **k), (2, 3, 2), complex=True, name=f"{_kwargs}")
    case(_f, lambda a, f=_f: f(a, axis=None, dtype=None, out=None), (2, 3), name="out=None")
for _f in (np.sum, np.prod, np.max, np.min):
    case(_f, lambda a, f=_f: f(a, axis=-1), (), name="0-d")
for _f in (np.max, np.min, np.ptp):
    for _kwargs in AXES:
        case(_f, lambda a, f=_f, k=_kwargs: f(a, **k), (2, 3, 2), name=f"{_kwargs}")
for _f in (np.sum, np.mean, np.prod):
    case(_f, lambda a, f=_f: f(a, 0, None, None, True), (3, 2), complex=True, name="positional")
case(np.max, lambda a: np.max(a, 0, None, True), (3, 2), name="positional")
case(np.var, lambda a: np.var(a, axis=0, ddof=1), (4, 2), complex=True, name="ddof")
case(np.std, lambda a: np.std(a, axis=(0, 1), correction=1), (4, 2, 2), complex=True, name="correction")
case(np.var, lambda a: np.var(a, 0, None, None, 1), (4, 2), name="positional")
case(np.prod, lambda a: np.prod(a * np.array([0.0, 1.0, 1.0]), axis=-1), (2, 3), complex=True, name="one zero")
case(np.prod, lambda a: np.prod(a * np.array([0.0, 0.0, 1.0, 1.0])), (2, 4), complex=True, name="two zeros")
case(np.cumsum, np.cumsum, (2, 3), complex=True)
case(np.cumsum, lambda a: np.cumsum(a, axis=0), (2, 3), complex=True, name="axis")
case(np.average, np.average, (2, 3), complex=True)
case(np.average, lambda a, w: np.average(a, axis=1, weights=w), (2, 3), (3,), domain=((-2, 2), POSITIVE), complex=True)
case(np.average, lambda a, w: np.average(a, weights=w), (2, 3), (2, 3), domain=((-2, 2), POSITIVE), complex=True)
case(np.average, lambda a, w: np.average(a, axis=0, weights=w, keepdims=True, returned=True), (3, 2), (3,),
    domain=((-2, 2), POSITIVE))  # fmt: skip
_counted = np.array([[True, False, True], [True, True, True]])
for _f in (np.sum, np.prod):
    case(_f, lambda a, f=_f: f(a, axis=1, initial=1.5, where=_counted), (2, 3), complex=True, name="where")
for _f in (np.mean, np.var, np.std):
    case(_f, lambda a, f=_f: f(a, axis=1, where=_counted), (2, 3), complex=True, name="where")
for _f in (np.max, np.min):
    case(_f, lambda a, f=_f: f(a, axis=0, initial=0.1, where=_counted), (2, 3), name="where")
case(np.var, lambda a: np.var(a, axis=1, mean=np.mean(a, axis=1, keepdims=True), ddof=1), (2, 3), name="mean")
case(np.sum, lambda a: np.sum(a, dtype=np.float64), (2, 3), name="dtype")
case((np.add, "reduce"), np.add.reduce, (3, 2), complex=True)
case((np.multiply, "reduce"), lambda a: np.multiply.reduce(a, axis=1, keepdims=True), (3, 2), complex=True)
case((np.maximum, "reduce"), np.maximum.reduce, (3, 2))
case((np.minimum, "reduce"), lambda a: np.minimum.reduce(a, axis=None), (3, 2))
case((np.add, "accumulate"), np.add.accumulate, (3, 2), complex=True)
case((np.maximum, "accumulate"), lambda a: np.maximum.accumulate(a, axis=1), (2, 5))
case((np.subtract, "accumulate"), np.subtract.accumulate, (3, 2), complex=True)
case((np.add, "reduceat"), lambda a: np.add.reduceat(a, [0, 3, 1], axis=1), (2, 5), complex=True)
case((np.multiply, "reduceat"), lambda a: np.multiply.reduceat(a, [0, 2]), (3, 2), complex=True)
case((np.hypot, "reduce"), lambda a: np.hypot.reduce(a, axis=1, initial=2.0), (2, 3))
case((np.divide, "reduce"), np.divide.reduce, (3, 2), domain=POSITIVE, complex=True)
case(np.trace, np.trace, (3, 4), complex=True)
case(np.trace, lambda a: np.trace(a, offset=1, axis1=2, axis2=0), (3, 2, 3), complex=True, name="axes")

# -- shaping --------------------------------------------------------------------------------------------------------

SHAPING = [
    (np.reshape, lambda a: np.reshape(a, (3, -1)), (2, 3)), (np.reshape, lambda a: np.reshape(a, 6, order="F"), (2, 3)),
    (np.reshape, lambda a: np.reshape(a, (4, -1), order="F"), (2, 3, 2)),
    (np.reshape, lambda a: np.reshape(a, (-1, 3), order="F"), (6,)),
    (np.reshape, lambda a: a.reshape(2, 3, order="F"), (6,)),
    (np.reshape, lambda a: np.reshape(a, (2, 3), order="A"), (6,)), (np.ravel, lambda a: np.ravel(a, "F"), (4,)),
    (np.reshape, lambda a: a.reshape(3, 2), (2, 3)),
    (np.ravel, np.ravel, (2, 3)), (np.ravel, lambda a: a.ravel(order="F"), (2, 3)),
    (np.ravel, lambda a: a.flatten(), (2, 3)),
    (np.squeeze, np.squeeze, (1, 3, 1)), (np.squeeze, lambda a: np.squeeze(a, axis=0), (1, 3, 1)),
    (np.expand_dims, lambda a: np.expand_dims(a, (0, -1)), (2, 3)),
    (np.atleast_1d, np.atleast_1d, ()), (np.atleast_2d, np.atleast_2d, (3,)), (np.atleast_3d, np.atleast_3d, (3,)),
    (np.atleast_3d, np.atleast_3d, (3, 2)),
    (np.transpose, np.transpose, (2, 3, 4)), (np.transpose, lambda a: np.transpose(a, (1, -1, 0)), (2, 3, 4)),
    (np.transpose, lambda a: a.transpose(2, 0, 1), (2, 3, 4)), (np.transpose, lambda a: a.T, (2, 3)),
    (np.swapaxes, lambda a: np.swapaxes(a, 0, -1), (2, 3, 4)),
    (np.moveaxis, lambda a: np.moveaxis(a, (0, 1), (-1, 0)), (2, 3, 4)),
    (np.moveaxis, lambda a: np.moveaxis(a, 0, -1), (2, 3, 4)), (np.rollaxis, lambda a: np.rollaxis(a, 2), (2, 3, 4)),
    (np.rollaxis, lambda a: np.rollaxis(a, 0, 2), (2, 3, 4)), (np.rollaxis, lambda a: np.rollaxis(a, 1, 1), (2, 3, 4)),
    (np.rollaxis, lambda a: np.rollaxis(a, -1, -2), (2, 3, 4)),
    (np.rollaxis, lambda a: np.rollaxis(a, 0, 3), (2, 3, 4)),
    (np.matrix_transpose, np.matrix_transpose, (2, 3, 4)),
    (np.flip, np.flip, (2, 3)), (np.flip, lambda a: np.flip(a, -1), (2, 3)),
    (np.flip, lambda a: np.flip(a, (0, 2)), (2, 3, 2)),
    (np.fliplr, np.fliplr, (2, 3)), (np.flipud, np.flipud, (2, 3)),
    *[(np.rot90, lambda a, k=k: np.rot90(a, k), (2, 3)) for k in (0, 1, 2, 3, -1)],
    (np.rot90, lambda a: np.rot90(a, 1, axes=(1, 2)), (2, 3, 2)),
    (np.rot90, lambda a: np.rot90(a, 3, axes=(2, 0)), (2, 3, 2)),
    (np.roll, lambda a: np.roll(a, 2), (2, 3)), (np.roll, lambda a: np.roll(a, -1, axis=1), (2, 3)),
    (np.roll, lambda a: np.roll(a, (1, 2), axis=(0, 1)), (2, 3)),
    (np.roll, lambda a: np.roll(a, 1, axis=(0, 1)), (2, 3)),
    (np.broadcast_to, lambda a: np.broadcast_to(a, (4, 2, 3)), (2, 1)),
    (np.broadcast_to, lambda a: np.broadcast_to(a, (2,)), ()),
    (np.repeat, lambda a: np.repeat(a, 2), (2, 3)), (np.repeat, lambda a: np.repeat(a, 2, axis=1), (2, 3)),
    (np.repeat, lambda a: np.repeat(a, [1, 0, 2], axis=1), (2, 3)),
    (np.tile, lambda a: np.tile(a, 2), (2, 3)), (np.tile, lambda a: np.tile(a, (2, 1, 2)), (2, 3)),
    (np.tile, lambda a: np.tile(a, (2,)), (2, 3)), (np.tile, lambda a: np.tile(a, [2, 2]), (3,)),
    (np.copy, np.copy, (2, 3)), (np.copy, lambda a: a.copy(), (2, 3)),
    (np.diff, np.diff, (2, 4)), (np.diff, lambda a: np.diff(a, n=2, axis=0), (4, 2)),
    (np.tril, np.tril, (3, 3)), (np.tril, lambda a: np.tril(a, -1), (2, 3, 4)),
    (np.triu, lambda a: np.triu(a, 1), (2, 3, 4)),
    (np.triu, np.triu, (4, 2)),
    (np.diagonal, np.diagonal, (3, 4)), (np.diagonal, lambda a: np.diagonal(a, -1, 2, 0), (3, 2, 3)),
    (np.diagonal, lambda a: np.diagonal(a, 2), (2, 4)), (np.diag, np.diag, (3,)),
    (np.diag, lambda a: np.diag(a, -2), (3,)),
    (np.diag, lambda a: np.diag(a, 1), (3, 4)), (np.diagflat, lambda a: np.diagflat(a, 1), (2, 2)),
    (np.sort, np.sort, (2, 4)), (np.sort, lambda a: np.sort(a, axis=0), (4, 2)),
    (np.sort, lambda a: np.sort(a, axis=None), (4, 2)),
]  # fmt: skip
for _f, _call, _shape in SHAPING:
    case(_f, _call, _shape, complex=_f is not np.sort)
case(np.broadcast_arrays, np.broadcast_arrays, (2, 1), (3,), complex=True)
case(np.meshgrid, np.meshgrid, (2,), (3,), complex=True)
case(np.meshgrid, lambda a, b, c: np.meshgrid(a, b, c, indexing="ij"), (2,), (3,), (2,), complex=True, name="ij")
case(np.meshgrid, lambda a, b, c: np.meshgrid(a, b, c, sparse=True), (2,), (3,), (2,), complex=True, name="sparse")
for _mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
    case(np.pad, lambda a, m=_mode: np.pad(a, ((1, 2), (0, 1)), mode=m), (3, 3), complex=True, name=_mode)
case(np.pad, lambda a: np.pad(a, 1), (2, 3), complex=True, name="int")
case(np.pad, lambda a: np.pad(a, (1, 2)), (2, 3), complex=True, name="pair")
case(np.pad, lambda a: np.pad(a, [(1, 2), (0, 1)], mode="edge"), (2, 3), complex=True, name="list")
case(np.pad, lambda a: np.pad(a, 2, constant_values=3.0), (2,), complex=True, name="value")

# -- indexing -------------------------------------------------------------------------------------------------------

_i, _mask = np.array([0, 2, 0]), np.array([True, False, True])
KEYS = [
    1, -1, slice(None, None, -1), (slice(1, None), 0), Ellipsis, None, (None, Ellipsis, 0), [0, 2, 0], (_i, [1, 1, 0]),
    (slice(None), _i), (Ellipsis, _i, 0), _mask, (_mask, slice(0, 2)), (_i, slice(None), 0), (0, slice(None), _i % 2),
    (_i[:, None], [0, 1]), np.int64(1), (), (_mask, None, 1), [], np.ones((3, 3), bool), (1, Ellipsis, [True, False]),
]  # fmt: skip
for _key in KEYS:
    case(np.take, lambda a, k=_key: a[k], (3, 3, 2), complex=True, name=f"[{_key!r}]".replace("\n", ""))
case(np.take, lambda a: np.take(a, [[0, 1], [2, 0]]), (2, 3), complex=True)
case(np.take, lambda a: np.take(a, [1, -1, 1], axis=1), (2, 3), complex=True)
case(np.take, lambda a: np.take(a, 1, axis=-1), (2, 3), complex=True)
case(np.take, lambda a: np.take(a, [4, -4], axis=1, mode="wrap"), (2, 3), complex=True)
case(np.take, lambda a: np.take(a, [4, -4, 9], mode="clip"), (2, 3), complex=True)
case(np.take_along_axis, lambda a: np.take_along_axis(a, np.array([[1], [0]]), axis=1), (2, 3), complex=True)
case(np.take_along_axis, lambda a: np.take_along_axis(a, np.array([[1]]), axis=1), (2, 3), name="one for all lines")
case(np.take_along_axis, lambda a: np.take_along_axis(a, np.array([[1], [0]]), axis=1), (1, 3), name="one line")
case(np.take_along_axis, lambda a: np.take_along_axis(a, np.array([1, 1, 4]), axis=None), (2, 3), complex=True)
case(np.compress, lambda a: np.compress([True, False, True], a, axis=1), (2, 3), complex=True)
case(np.compress, lambda a: np.compress(np.array([True, False, True]), a), (2, 3), complex=True)
case(np.extract, lambda a: np.extract(np.eye(3, dtype=bool), a), (3, 3), complex=True)

# -- joining and splitting ------------------------------------------------------------------------------------------

JOINING = [
    (np.concatenate, lambda a, b: np.concatenate([a, b]), (2, 3), (1, 3)),
    (np.concatenate, lambda a, b: np.concatenate((a, b), axis=-1), (2, 3), (2, 1)),
    (np.concatenate, lambda a, b: np.concatenate([a, b, a], axis=None), (2, 3), (2,)),
    (np.concatenate, lambda a, b: np.concatenate([a, np.ones(2), b]), (2,), (1,)),
    (np.concatenate, lambda a, b: np.concatenate([k * a * b for k in range(1, 9)]), (2,), (2,)),
    (np.stack, lambda a, b: np.stack([a, b]), (2, 3), (2, 3)),
    (np.stack, lambda a, b: np.stack([a, b], axis=-1), (2, 3), (2, 3)),
    (np.stack, lambda a, b: np.stack([a, b, 1.0]), (), ()), (np.stack, lambda a, b: np.stack((2.0, a, b)), (), ()),
    (np.vstack, lambda a, b: np.vstack([a, b]), (3,), (2, 3)), (np.hstack, lambda a, b: np.hstack([a, b]), (2,), (3,)),
    (np.hstack, lambda a, b: np.hstack([a, b, 3.0]), (), (2,)),
    (np.hstack, lambda a, b: np.hstack([a, b]), (2, 1), (2, 3)),
    (np.dstack, lambda a, b: np.dstack([a, b]), (3,), (3,)),
    (np.dstack, lambda a, b: np.dstack([a, b]), (3, 2), (3, 2, 2)),
    (np.column_stack, lambda a, b: np.column_stack([a, b]), (3,), (3, 2)),
    (np.append, np.append, (2,), (2, 3)), (np.append, lambda a, b: np.append(a, b, axis=0), (2, 3), (1, 3)),
    (np.append, lambda a, b: np.append(np.append(a, 1.0), [2.0, 3.0]) * b, (2,), (5,)),
    (np.block, lambda a, b: np.block([[a, b], [np.zeros((1, 2)), b[:1]]]), (2, 2), (2, 3)),
    (np.block, lambda a, b: np.block([a, b, 1.0]), (2,), (3,)),
    (np.block, lambda a, b: np.block([[a], [b]]), (2,), (2,)),
    (np.block, lambda a, b: np.block(a) * b, (2,), (2,)),
]  # fmt: skip
for _f, _call, *_shapes in JOINING:
    case(_f, _call, *_shapes, complex=True)
SPLITTING = [
    (np.split, lambda a: np.split(a, 2), (4, 3)), (np.split, lambda a: np.split(a, [1, 3], axis=1), (2, 4)),
    (np.array_split, lambda a: np.array_split(a, 3), (4, 2)),
    (np.array_split, lambda a: np.array_split(a, [2], axis=-1), (2, 3)),
    (np.array_split, lambda a: np.array_split(a, [2, 1]), (4,)),
    (np.split, lambda a: np.split(a, np.array([1, 9])), (4,)),
    (np.vsplit, lambda a: np.vsplit(a, 2), (4, 3)), (np.hsplit, lambda a: np.hsplit(a, [1]), (4, 3)),
    (np.hsplit, lambda a: np.hsplit(a, 2), (4,)), (np.dsplit, lambda a: np.dsplit(a, 2), (1, 2, 4)),
]  # fmt: skip
for _f, _call, _shape in SPLITTING:
    case(_f, _call, _shape, complex=True)
