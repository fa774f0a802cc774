"""One recorded path of a function: to be replayed whole, or in two parts after some of its arguments."""

import traceback
from functools import cached_property

from opad.programs.contraction import contracted
from opad.programs.functions import is_known
from opad.programs.generate import ProgramChanged
from opad.programs.layouts import with_long_loops
from opad.programs.optimise import optimise
from opad.programs.recorded import Ref
from opad.programs.replay import Code, Run, Segment


class Program:
    """One recorded path of a function for one signature of arguments.

    Parameters
    ----------
    recording : Recording
    inputs, outputs : lists of the leaves of arguments that vary, as Refs, and of the result
    contract : bool, for functions that are linear in what is not bound, see `split`
    **options : donate, fuse and cuda_graph, see `opad.compile`

    Attributes
    ----------
    structure : optree structure of the result
    watch : Watch, what the program relies on besides its arguments
    recorded : int, number of recorded steps
    unpack : dict; functions from arguments to their leaves, see `compiled`
    """

    def __init__(self, recording, inputs, outputs, structure, watch, contract=False, **options):
        self.structure = structure
        self.watch = watch
        self.recorded = len(recording.steps)
        self.unpack = {}
        steps, guards, outputs = optimise(recording, outputs)
        recording.steps.clear()
        self._segment = Segment(steps, guards, inputs, [], outputs, recording.specs)
        self._contract, self._options = contract, options
        self._parts = {}

    @cached_property
    def whole(self):
        """What runs all steps in every call: a function from the leaves of the arguments to those of the result."""
        return Run(Code(with_long_loops(self._segment), **self._options))

    def bind(self, is_bound, leaves):
        """A function of the leaves that are not bound; what those that are decide is computed now.

        Parameters
        ----------
        is_bound : tuple of bool, one for each leaf of the arguments
        leaves : list of those that are bound, which must not change any more

        Raises
        ------
        ProgramChanged
            If a guard on what is bound fails.
        """
        if is_bound not in self._parts:
            first, rest = split(self._segment, is_bound, self._contract)
            once = {**self._options, "donate": True, "cuda_graph": False}
            self._parts[is_bound] = Code(first, **once), Code(rest, **self._options)
        first, rest = self._parts[is_bound]
        return Run(rest, Run(first)(leaves))

    @property
    def source(self):
        """The text of all steps."""
        return self.whole.code.source

    @property
    def codes(self):
        """All that has been written to run it: the whole, and the parts."""
        whole = [self.whole.code] if "whole" in self.__dict__ else []
        return [*whole, *(code for parts in self._parts.values() for code in parts)]

    def origin_of(self, error):
        """The user's (file, line) of the step that raised, or None."""
        for frame in traceback.extract_tb(error.__traceback__):
            for code in self.codes:
                if origin := code.origin_of(frame):
                    return origin
        return None


def split(segment, is_bound, contract=False):
    """(first, rest): the steps that depend on bound inputs and constants alone, and the others.

    Parameters
    ----------
    segment : Segment
    is_bound : tuple of bool, one for each input
    contract : bool, whether to replace sums by products with what is bound, see `contraction`
    """
    inputs = [ref for ref, bound in zip(segment.inputs, is_bound, strict=True) if bound]
    if contract:
        segment = contracted(segment, _divided(segment, inputs)[2])
    segment = with_long_loops(segment)  # before it is split, so that the parts round as the whole does
    first, rest, bound = _divided(segment, inputs)
    needed = dict.fromkeys([ref for step in rest for ref in step.inputs])
    needed.update(dict.fromkeys([out for out in segment.outputs if type(out) is Ref]))
    known = [ref for ref in needed if ref in bound]
    guards = [[guard for guard in segment.guards if (guard.ref in bound) is side] for side in (True, False)]
    free = [ref for ref in segment.inputs if ref not in bound]
    return (
        Segment(first, guards[0], inputs, [], known, segment.specs, is_bound=True),
        Segment(rest, guards[1], free, known, segment.outputs, segment.specs),
    )


def _divided(segment, inputs):
    """(steps that are bound, the others, Refs of bound values) for bound inputs.

    This is binding-time analysis, the first half of partial evaluation. A function of which nothing is known may return
    something else in every call and is not bound. Neither are steps after a guard on what is not bound, which the
    function does not reach where the guard fails.

    References
    ----------
    N. D. Jones, C. K. Gomard, P. Sestoft, Partial Evaluation and Automatic Program Generation (1993), chapter 4.
    """
    bound, guarded = set(inputs), {guard.ref for guard in segment.guards}
    first, rest, is_reached = [], [], guarded.isdisjoint(set(segment.inputs) - bound)
    for step in segment.steps:
        if is_reached and is_known(step.function) and bound.issuperset(step.inputs):
            first.append(step)
            bound.update(step.outs)
        else:
            rest.append(step)
            is_reached = is_reached and guarded.isdisjoint(step.outs)
    return first, rest, bound


__all__ = ["Program", "ProgramChanged", "split"]
