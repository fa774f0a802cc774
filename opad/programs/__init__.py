"""Recorded straight-line programs: optimised, planned, and replayed at the speed of hand-written NumPy.

A compiler in small, from a function to calls into planned buffers. Its modules in the order in which a program passes:

    compiled       `opad.compile`: chooses the program that fits a call, or has one recorded
      calls, unpacking   the arguments of a call: their leaves, what varies, what is bound
      constants      what the function closes over, and whether it has changed
    recorder       the function run once: a Recording of Steps and Guards, with a Spec of every value
      recorded       the array that the function sees, and Ref, the number of a value
      functions      what is known of NumPy's functions: new arrays or views, fixed shapes
    program        one recorded path; for `bind` split into what is computed once and what in every call
      optimise, factors   equal, neutral and dead steps removed; constant factors gathered
      contraction    linear functions: sums of scaled matrices as products with bound matrices
      layouts        short last axes first
    replay         the steps of a Segment as Code, and Runs of it with memory for each thread
      fusion/        with `fuse=True`: loops that numba compiles
      python_numbers without: arithmetic of numbers as Python's
      accumulation   sums of adjoints in place
      stacking       small independent steps as one call
      plan           which value lives in which buffer, what works in place
      generate       the text of the program
      rerolling      lines of it that repeat, as loops
      results        memory for large results, used again once the caller has dropped them
      graphs         on a GPU: the program as one CUDA graph

`groups` and `grouping` serve all passes that put one step in the place of several. A pass takes steps and returns
steps; none changes a bit of a result unless its docstring says which.
"""
