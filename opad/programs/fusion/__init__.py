"""Fusion (the extra `fast`): loops that numba compiles in place of many NumPy calls, where they are measured faster.

For a program with `fuse=True`, in this order:

    rolling        runs of steps that repeat become loops over all turns
      sequence       what each step does, and where its operands are, as rows of numbers
      periods        equal periods in these rows
      loops          a run as a loop: how operands change from turn to turn
      native         the loop, and the numbers around it, as one compiled function
    selection      groups of the other steps become kernels, the fastest of what is there
      nests, rows    elementwise steps with reductions, as a loop nest; its text
      kernels        elementwise steps of one shape, as one loop; what compiles it
      tape           long runs of operations on numbers, as a table that one loop works off
      measure        a kernel against the calls that it replaces

`elementwise` says which steps are elementwise and what they compute, `summation` adds in the order of NumPy, `threads`
divides large loops. All put a `StepGroup` (opad.programs.groups) in the place of the steps that they carry out.
"""
