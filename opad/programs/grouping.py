"""Which steps of a program can be carried out together."""

from math import inf

from opad.programs.functions import is_known
from opad.programs.groups import StepGroup
from opad.programs.recorder import Step


def gathered(steps, fits, most=inf, most_operands=inf, reads=lambda step: (), patient=()):
    """The steps with those that fit gathered where nothing stands between them, two or more as one.

    A step that a group does not need goes before it. One that needs a group waits until the group is complete, which it
    is when a member would need what waits, or elements that other turns of its loop compute.

    Parameters
    ----------
    steps : list of Step
    fits : set of the ids of steps that may be members of a group
    most, most_operands : numbers of members and of arguments at which a group is complete
    reads : function of a step, the Refs of which it needs elements that other turns of a loop compute
    patient : set of the ids of steps that may be members, and wait rather than complete a group
    """
    result, group, produced, outside, waiting, blocked = [], [], set(), set(), [], set()

    def close():
        result.extend([_as_one(group, outside)] if len(group) > 1 else group)
        result.extend(waiting)
        for collection in (group, produced, outside, waiting, blocked):
            collection.clear()

    for step in steps:
        is_blocked = not blocked.isdisjoint(step.inputs)
        waits = is_blocked and (id(step) not in fits or id(step) in patient)
        if (is_blocked and not waits) or (group and not is_known(step.function)):
            close()
        if id(step) in fits and not waits:
            is_full = len(group) >= most or (
                most_operands < inf and len(outside.union(step.inputs) - produced) > most_operands
            )
            if is_full or not produced.isdisjoint(reads(step)):
                close()
            group.append(step)
            outside.update(ref for ref in step.inputs if ref not in produced)
            produced.update(step.outs)
        elif not waits and produced.isdisjoint(step.inputs):
            result.append(step)
        else:
            waiting.append(step)
            blocked.update(step.outs)
    close()
    return result


def _as_one(group, outside):
    """A step that stands for several, whose arguments are what they read and results what they compute."""
    outs = tuple([out for step in group for out in step.outs])
    return Step(StepGroup(list(group)), tuple(sorted(outside)), {}, outs, group[0].origin)
