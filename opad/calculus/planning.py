"""Deciding once per program how its Jacobian is computed, and plans of elimination that are kept on disk."""

import hashlib
import json
from pathlib import Path
from time import perf_counter

from opad.blocks import orders
from opad.blocks.elimination import resolve_order
from opad.calculus.elimination import SWEEPS, Candidate, JacobianSystem, fingerprint_of, shapes_of
from opad.errors import EliminationOrderError, PlanMismatchError, RealLinearError

FORMAT = 1  # of the JSON files
NOTHING_YET = "nothing computed yet"
MARGIN = 0.8  # an elimination is chosen if it is modelled to take at most this share of the better substitution


class EliminationPlan:
    """An elimination order for one program, to be used at any point: `opad.jacobian(f, order=plan)`.

    Attributes
    ----------
    order : list of int, rows of the system (I - L) dx = D dp in the order of their elimination
    multiplications : what the order costs, multiplications of numbers
    costs : dict, name of an order -> its multiplications; what `order` was chosen from
    name : str, the name of the chosen order
    fingerprint : str, identifies the program: its operations, their dependences and outputs
    """

    def __init__(self, order, multiplications, costs, name, fingerprint):
        self.order = list(order)
        self.multiplications = multiplications
        self.costs = dict(costs)
        self.name = name
        self.fingerprint = fingerprint

    def save(self, path):
        """Write the plan to a JSON file."""
        Path(path).write_text(json.dumps({"format": FORMAT, **vars(self)}, indent=1) + "\n")

    @classmethod
    def load(cls, path):
        """Read a plan from a JSON file that `save` wrote.

        Raises
        ------
        PlanMismatchError
            If the file is of another kind or of another version.
        """
        try:
            stored = json.loads(Path(path).read_text())
            if stored.pop("format") != FORMAT:
                raise ValueError("another format")
            return cls(**stored)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PlanMismatchError(
                f"{path} could not be read as an elimination plan ({error}); expected a JSON file written by "
                f"EliminationPlan.save, format {FORMAT}. Make the plan again with opad.plan_elimination."
            ) from error

    def __repr__(self):
        return f"<EliminationPlan {self.name}: {len(self.order)} variables, {self.multiplications} multiplications>"


def digest(fingerprint):
    """A fingerprint as a short string."""
    return hashlib.sha256(repr(fingerprint).encode()).hexdigest()[:32]


# -- decisions ------------------------------------------------------------------------------------------------------


class Decision:
    """How one program's Jacobian is computed.

    Attributes
    ----------
    candidate : the Candidate chosen
    system : JacobianSystem of the linearisation that it was made for; None for a substitution
    candidates : all Candidates that were compared
    seconds : float, time spent on deciding
    """

    def __init__(self, candidate, system=None, candidates=()):
        self.candidate, self.system, self.candidates = candidate, system, candidates
        self.program = None if candidate.order is None else system.program(candidate.order)
        self.seconds = 0.0

    def entries(self, linearization, arithmetic):
        """The blocks of the Jacobian at a linearisation of the same program, {(output, input position): entry}."""
        return self.system.at(linearization).eliminate(self.program, arithmetic)

    def report(self):
        """A table of the candidates, as text."""
        chosen = self.candidate
        lines = [
            f"chosen: {chosen.name}, {chosen.multiplications:.0f} multiplications"
            + (f" in {len(self.program.steps)} products of blocks" if self.program is not None else " by substitution")
            + f"; planning took {1e3 * self.seconds:.1f} ms, once"
        ]
        lines += [
            f"  {c.name:<20} {c.multiplications:>16.0f} multiplications   modelled {c.nanoseconds / 1e3:>12.1f} us"
            for c in sorted(self.candidates, key=lambda c: c.nanoseconds)
        ]
        return "\n".join(lines)


class Planner:
    """Decides how Jacobians are computed, once for every program that it meets.

    Parameters
    ----------
    order : "auto", the name of a substitution or of an order, a sequence of rows, or an EliminationPlan
    sparse : bool, whether the result is sparse; the substitutions, which are dense, then do not take part
    """

    def __init__(self, order="auto", sparse=False):
        self.order, self.sparse = order, sparse
        self._known = {}
        self.last = None
        if isinstance(order, str) and order not in ("auto", *orders.NAMES):
            raise EliminationOrderError(
                f"order is {order!r}; expected 'auto', an EliminationPlan, a sequence of rows, or one of "
                f"{', '.join(orders.NAMES)}."
            )

    def decide(self, linearization):
        """The Decision for a linearisation, made or remembered."""
        if isinstance(self.order, str) and self.order in SWEEPS and not self.sparse:
            return self.substitution(self.order)
        key = fingerprint_of(linearization), shapes_of(linearization)
        decision = self._known.get(key)
        if decision is None:
            start = perf_counter()
            decision = self._known[key] = self._choose(linearization, key[0])
            decision.seconds = perf_counter() - start
        self.last = decision
        return decision

    def substitution(self, name):
        """The Decision for a substitution that nothing else can replace."""
        self.last = Decision(_sweep(name))
        return self.last

    def report(self):
        """What the last decision was and what it was chosen from, as text."""
        return NOTHING_YET if self.last is None else self.last.report()

    def _choose(self, linearization, fingerprint):
        order = self.order
        if isinstance(order, str) and order == "auto":
            return self._cheapest(linearization)
        system = JacobianSystem(linearization)
        if isinstance(order, EliminationPlan):
            _check_plan(order, fingerprint)
            name, rows = order.name, order.order
        else:
            name, rows = (order if isinstance(order, str) else "given"), resolve_order(system.graph, order)
        candidate = system.modelled(name, rows, system.estimates(self.sparse), self.sparse)
        return Decision(candidate, system, [candidate])

    def _cheapest(self, linearization):
        system = JacobianSystem(linearization)
        try:
            candidates = system.candidates(self.sparse, sweeps=not self.sparse)
        except RealLinearError:
            if self.sparse:
                raise
            return Decision(_sweep("forward" if system.input_size <= system.output_size else "reverse"))
        best = min(candidates, key=lambda candidate: candidate.nanoseconds)
        sweeps = [candidate for candidate in candidates if candidate.order is None]
        sweep = min(sweeps, key=lambda candidate: candidate.nanoseconds, default=None)
        if sweep is not None and best.nanoseconds > MARGIN * sweep.nanoseconds:
            best = sweep  # the model is not that exact, and the substitution is never a bad choice
        return Decision(best, system, candidates)


def _sweep(name):
    return Candidate(name, None, float("nan"), float("nan"))


def _check_plan(plan, fingerprint):
    found = digest(fingerprint)
    if plan.fingerprint != found:
        raise PlanMismatchError(
            f"the elimination plan was made for program {plan.fingerprint[:8]} with {len(plan.order)} inner variables, "
            f"and was applied to program {found[:8]}; expected the same operations in the same order. Make a plan for "
            "this one with opad.plan_elimination; control flow that depends on the values gives different programs."
        )
