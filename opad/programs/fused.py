"""Several steps of a program as one call."""


class FusedSteps:
    """What the function of a step is that stands for several others.

    Attributes
    ----------
    steps : list of Step, those that it replaces
    """

    def __init__(self, steps):
        self.steps = steps

    def written(self, step):
        """The results that are written into buffers."""
        return ()

    def write(self, source, step):
        """Add the lines of the call to the text of a program."""
        raise NotImplementedError(f"{type(self).__name__} writes no lines; expected a subclass that defines write().")
