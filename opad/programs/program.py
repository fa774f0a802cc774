"""One recorded path of a function: to be replayed whole, or in two parts after some of its arguments."""

import traceback
from functools import cached_property

from opad.programs.functions import is_known
from opad.programs.generate import ProgramChanged
from opad.programs.optimise import optimise
from opad.programs.recorded import Ref
from opad.programs.replay import Code, Run, Segment


class Program:
    """One recorded path of a function for one signature of arguments.

    Attributes
    ----------
    structure : optree structure of the result
    watch : Watch, what the program relies on besides its arguments
    unpack : dict; functions from arguments to their leaves, see `compiled`
    """

    def __init__(self, recording, inputs, outputs, structure, watch, donate=False, fuse=False, cuda_graph=False):
        self.structure = structure
        self.watch = watch
        self.recorded = len(recording.steps)
        self.unpack = {}
        steps, guards, outputs = optimise(recording, outputs)
        self._segment = Segment(steps, guards, inputs, [], outputs, recording.specs)
        self._options = {"donate": donate, "fuse": fuse, "cuda_graph": cuda_graph}
        self._parts = {}

    @cached_property
    def whole(self):
        """What runs all steps in every call: a function from the leaves of the arguments to those of the result."""
        return Run(Code(self._segment, **self._options))

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
            first, rest = split(self._segment, is_bound)
            fuse = self._options["fuse"]
            self._parts[is_bound] = Code(first, donate=True, fuse=fuse), Code(rest, **self._options)
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


def split(segment, is_bound):
    """(first, rest): the steps that depend on bound inputs and constants alone, and the others.

    This is binding-time analysis, the first half of partial evaluation. A function of which nothing is known may return
    something else in every call and is not bound. Neither are steps after a guard on what is not bound, which the
    function does not reach where the guard fails.

    References
    ----------
    N. D. Jones, C. K. Gomard, P. Sestoft, Partial Evaluation and Automatic Program Generation (1993), chapter 4.
    """
    bound = {ref for ref, known in zip(segment.inputs, is_bound, strict=True) if known}
    free = [ref for ref in segment.inputs if ref not in bound]
    guarded = {guard.ref for guard in segment.guards}
    first, rest, is_reached = [], [], guarded.isdisjoint(free)
    for step in segment.steps:
        if is_reached and is_known(step.function) and bound.issuperset(step.inputs):
            first.append(step)
            bound.update(step.outs)
        else:
            rest.append(step)
            is_reached = is_reached and guarded.isdisjoint(step.outs)
    needed = dict.fromkeys([ref for step in rest for ref in step.inputs])
    needed.update(dict.fromkeys([out for out in segment.outputs if type(out) is Ref]))
    known = [ref for ref in needed if ref in bound]
    guards = [[guard for guard in segment.guards if (guard.ref in bound) is side] for side in (True, False)]
    inputs = [ref for ref in segment.inputs if ref in bound]
    return (
        Segment(first, guards[0], inputs, [], known, segment.specs, is_bound=True),
        Segment(rest, guards[1], free, known, segment.outputs, segment.specs),
    )


__all__ = ["Program", "ProgramChanged", "split"]
