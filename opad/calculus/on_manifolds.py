"""Arguments that lie on manifolds, for `grad`. A manifold is anything with `embed`, `check_point` and `gradient`."""

from opad.errors import StructureError


def one_per_argument(manifolds, count):
    """The manifolds as a tuple with one entry, or None, per differentiated argument."""
    manifolds = tuple(manifolds) if isinstance(manifolds, tuple | list) else (manifolds,)
    if len(manifolds) != count:
        raise StructureError(
            f"{len(manifolds)} manifolds were given for {count} differentiated arguments; expected one for each, "
            "None for an argument of a vector space."
        )
    return manifolds


def on_manifolds(manifolds, numbers, args):
    """The arguments with points replaced by what a function on the manifold receives."""
    if manifolds is None:
        return args
    args = list(args)
    for M, n in zip(one_per_argument(manifolds, len(numbers)), numbers, strict=True):
        if M is not None:
            args[n] = M.embed(M.check_point(args[n]))
    return tuple(args)


def riemannian(manifolds, numbers, points, gradients):
    """Riemannian gradients from Euclidean ones."""
    if manifolds is None:
        return gradients
    manifolds = one_per_argument(manifolds, len(numbers))
    return [g if M is None else M.gradient(points[n], g) for M, n, g in zip(manifolds, numbers, gradients, strict=True)]
