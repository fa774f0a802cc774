"""Several steps of a program as one: what a loop, a kernel or an expression carries out in their place."""


class StepGroup:
    """The function of a step that stands for several others.

    Attributes
    ----------
    steps : list of Step, those that it replaces
    """

    def __init__(self, steps):
        self.steps = steps

    def written(self, step):
        """The results that are written into buffers."""
        return ()

    def write_results(self, source, step):
        """Add lines that make arrays for results of the program, which are in none of its buffers."""
        for out in self.written(step):
            if not source.plan.is_written(out):
                source.new_array(out, step)

    def write(self, source, step):
        """Add the lines of the call to the text of a program."""
        raise NotImplementedError(f"{type(self).__name__} writes no lines; expected a subclass that defines write().")
