"""Forward and back substitution: the only solver in opad.

Both are written once, for unknowns and blocks of any kind. A block is what it does: a callable that was bound before
the loop. `None` stands for the structural zero among unknowns and for the identity among blocks, so that neither costs
an operation.

    row(i)     ->  (diagonal, [(j, block), …]): solve of the diagonal block (or None), and the blocks of row i
    column(i)  ->  the same for column i
"""


def forward_substitution(row, x, order):
    """Solve x_i = S_i (x_i + sum_j L_ij x_j) in place, row by row; what row i needs was solved before it.

    Parameters
    ----------
    row : callable, row(i) -> (S_i or None, sequence of (j, L_ij))
    x : list, the right-hand side on entry and the solution on return; None is zero
    order : iterable of row indices
    """
    for i in order:
        diagonal, blocks = row(i)
        xi = x[i]
        for j, block in blocks:
            xj = x[j]
            if xj is not None:
                y = xj if block is None else block(xj)
                xi = y if xi is None else xi + y
        if diagonal is not None and xi is not None:
            xi = diagonal(xi)
        x[i] = xi


def back_substitution(column, x, order, release=False):
    """Solve the same kind of system column by column: once x_i is known, its share is added to every x_j that needs it.

    Parameters
    ----------
    column : callable, column(i) -> (S_i or None, sequence of (j, U_ji))
    x : list, the right-hand side on entry and the solution on return; None is zero
    order : iterable of column indices
    release : bool, drop x_i as soon as its column has been used; only unknowns outside `order` are kept
    """
    for i in order:
        xi = x[i]
        if xi is None:
            continue
        diagonal, blocks = column(i)
        if diagonal is not None:
            xi = diagonal(xi)
        x[i] = None if release else xi
        for j, block in blocks:
            y = xi if block is None else block(xi)
            xj = x[j]
            x[j] = y if xj is None else xj + y
