"""Loop rerolling: lines of a program that repeat, written as the loop that they were before they were recorded.

A recording of 500 time steps is 500 copies of one, and Python needs more memory to compile them than their arrays take.
Lines are alike if nothing but names and numbers differs in them. In a run of equal periods, a name is

    the same in every turn                                and stays;
    that of a result of the same turn                     a variable of the loop;
    that of a result of an earlier turn                   a variable that is handed on at the end of a turn;
    another in every turn, and from outside of the run    a column of what the loop runs over.

Results that are needed outside are collected in lists. The calls and their order are those of the lines.
"""

import re
from bisect import bisect_right
from itertools import chain, count, pairwise, product

import numpy as np

from opad.programs.fusion.periods import runs

FEWEST_LINES = 500  # of a program in which loops are looked for
FEWEST_SAVED = 50  # lines that a loop takes the place of
# What the text of a program names itself: variables such as p0, the function, the builtins that it uses.
OWN_NAMES = re.compile(r"[a-z]\d+|table\d+|program|bind|type|int|float|complex|abs|slice|range|zip|ValueError")
_STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_WORD = re.compile(rf"({_STRING}|\b[cfmnprvw]\d+\b(?!=)|\b\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)")
_TARGETS = re.compile(r"\s*((?:[fvw]\d+, ?)*[fvw]\d+,?) ?= ")


def rerolled(body, given):
    """(body, tables) with loops in place of lines that repeat.

    Parameters
    ----------
    body : list of (text, origin, errstate)
    given : set of names that are bound before the program runs

    Returns
    -------
    body : list of the same kind
    tables : dict name of what a loop runs over -> list of columns, each a tuple of given names and numbers
    """
    if len(body) < FEWEST_LINES:
        return body, {}
    lines = _lines(body, given)
    home = {}  # name -> (number of the line that binds it, position among those that it binds)
    for number, line in enumerate(lines):
        for position, name in enumerate(line.targets):
            if name in home or name in given:
                return body, {}
            home[name] = number, position
    codes = np.array([line.form.code or -number for number, line in enumerate(lines)])
    found, fresh = runs(codes, np.empty((len(codes), 0), int)), count()
    loops = [loop for loop in (_loop(run, lines, home, given, fresh) for run in found) if loop is not None]
    if not loops:
        return body, {}
    writer = _Writer(lines, home, loops, given, fresh)
    return writer.body, writer.tables


def words(text):
    """The names, numbers and strings in a line of a program."""
    return _WORD.split(text)[1::2]


class _Form:
    """What lines that are alike have in common.

    Attributes
    ----------
    code : int, 0 if lines of this form begin or end a block, and are in no loop
    pieces : list of str, what stands before, between and after the words
    targets : int, how many of the words, the first ones, are names that the line binds
    origin, errstate : of the step
    indent : str
    is_deletion : bool
    """

    def __init__(self, code, text, pieces, origin, errstate):
        is_edge = pieces[-1].endswith(":") or pieces[0].startswith("except")
        self.code, self.pieces, self.origin, self.errstate = 0 if is_edge else code, pieces, origin, errstate
        match = _TARGETS.match(text)
        self.targets = match[1].rstrip(",").count(",") + 1 if match else 0
        self.indent = text[: len(text) - len(text.lstrip())]
        self.is_deletion = text.lstrip().startswith("del ")

    def text(self, words):
        """The line with these words."""
        return "".join([part for pair in zip(self.pieces, words, strict=False) for part in pair]) + self.pieces[-1]


class _Line:
    """A line of a program: its form, and its names, numbers and strings."""

    __slots__ = ("form", "words")

    def __init__(self, form, words):
        self.form, self.words = form, words

    @property
    def targets(self):
        """The names that it binds."""
        return self.words[: self.form.targets]


def _lines(body, given):
    """The lines of a program; equal words are one object."""
    forms, shared, lines = {}, {name: name for name in given}, []
    for text, origin, errstate in body:
        parts = _WORD.split(text)
        key = (*parts[::2], origin, errstate and repr(errstate))
        if key not in forms:
            forms[key] = _Form(len(forms) + 1, text, parts[::2], origin, errstate)
        lines.append(_Line(forms[key], tuple([shared.setdefault(word, word) for word in parts[1::2]])))
    return lines


class _NotALoop(Exception):
    """Lines that are alike use results in a way that no loop follows."""


def _loop(run, lines, home, given, fresh):
    """The run as a loop, perhaps without its first turns; None if that fails, or saves little."""
    for may_mix, skipped in product((False, True), range(3)):
        start = run.start + skipped * run.period
        turns = (run.end - start) // run.period
        if (turns - 1) * run.period >= FEWEST_SAVED:
            try:
                return _Loop(start, run.period, turns, lines, home, given, fresh, may_mix)
            except _NotALoop:
                pass
    return None


class _Loop:
    """Turns of lines that are alike.

    Attributes
    ----------
    start, stop, period, turns : int
    lines : list of _Line, those of the first turn
    names : list of lists, for each of them what stands for its words
    columns : dict words of all turns -> variable, for words from outside
    handed : dict words of all turns -> list of what becomes what at the end of a turn: the result, a variable for it in
        the next turn, perhaps another for the turn after that; for words of which the first are from outside
    """

    def __init__(self, start, period, turns, lines, home, given, fresh, may_mix):
        self.start, self.stop, self.period, self.turns = start, start + period * turns, period, turns
        self.lines = lines[start : start + period]
        self.columns, self.handed = {}, {}
        self._home, self._given, self._fresh, self._may_mix = home, given, fresh, may_mix
        self.names, known = [], {}
        for k, line in enumerate(self.lines):
            self.names.append([])
            every = zip(*(other.words for other in lines[start + k : self.stop : period]), strict=True)
            for slot, words in enumerate(every):
                if words not in known:
                    known[words] = words[0] if slot < line.form.targets else self._name(words)
                if line.form.is_deletion and words in self.columns:
                    raise _NotALoop  # what it is taken from would keep it
                self.names[k].append(known[words])

    def _name(self, turns):
        """What stands for the words that one place of a line has in all turns."""
        places = [self.place(word) for word in turns]
        inner = [(turn - place[0], *place[1:]) for turn, place in enumerate(places) if place is not None]
        if not inner:
            if turns.count(turns[0]) == self.turns:
                return turns[0]
            if turns[0][0] in "'\"" or not (self._may_mix or self._are_alike(turns)):
                raise _NotALoop
            return self.columns.get(turns) or self.columns.setdefault(turns, f"x{next(self._fresh)}")
        distance, *place = inner[0]
        if inner.count(inner[0]) < len(inner) or len(inner) != self.turns - distance:
            raise _NotALoop
        result = self.result(*place)
        if distance and turns not in self.handed:
            self.handed[turns] = [result, *(f"x{next(self._fresh)}" for _ in range(distance))]
        return self.handed[turns][-1] if distance else result

    def _are_alike(self, turns):
        """True if all words, or none, are known before the program runs."""
        return len({is_known(word, self._given) for word in turns}) == 1

    def place(self, word):
        """(turn, line, position) of a result of the loop; None for other words."""
        number, position = self._home.get(word, (-1, 0))
        if not self.start <= number < self.stop:
            return None
        return *divmod(number - self.start, self.period), position

    def reads(self):
        """Words from outside."""
        first = [turns[: len(variables) - 1] for turns, variables in self.handed.items()]
        return [word for words in (*self.columns, *first, *self.names) for word in words if self.place(word) is None]

    def result(self, line, position):
        """The variable that a line binds."""
        return self.lines[line].words[position]


class _Writer:
    """The lines of a program with loops.

    Attributes
    ----------
    body : list of (text, origin, errstate)
    tables : dict name -> list of columns
    """

    def __init__(self, lines, home, loops, given, fresh):
        self.body, self.tables = [], {}
        self._loops, self._starts, self._home, self._given = loops, [loop.start for loop in loops], home, given
        self._fresh = fresh
        self._lists = {}  # (loop, line, position) -> list of these results in all turns
        outer, at = [], 0
        for loop in (*loops, None):
            outer += lines[at : loop and loop.start]
            at = loop and loop.stop
        for word in dict.fromkeys(
            chain.from_iterable([*(line.words for line in outer), *(loop.reads() for loop in loops)])
        ):
            loop = self._loop_of(word)
            if loop is not None:
                turn, *place = loop.place(word)
                if turn < loop.turns - 1:
                    self._lists.setdefault((loop, *place), f"s{len(self._lists)}")
        at = 0
        for loop in loops:
            self._add(lines[at : loop.start])
            self._add_loop(loop)
            at = loop.stop
        self._add(lines[at:])

    def _loop_of(self, word):
        """The loop that has a word among its results, or None."""
        number = self._home.get(word, (-1,))[0]
        k = bisect_right(self._starts, number) - 1
        return self._loops[k] if k >= 0 and number < self._loops[k].stop else None

    def _element(self, word):
        """(list, turn) of a result of a loop that is collected, or None."""
        loop = self._loop_of(word)
        if loop is None:
            return None
        turn, *place = loop.place(word)
        collected = self._lists.get((loop, *place))
        return collected and (collected, turn)

    def _outside(self, word):
        """What stands for a word outside of the loop that it is a result of."""
        element, loop = self._element(word), self._loop_of(word)
        if element is not None:
            return f"{element[0]}[{element[1]}]"
        return word if loop is None else loop.result(*loop.place(word)[1:])

    def _line(self, text, line, errstate=None):
        self.body.append((text, line.form.origin, errstate))

    def _add(self, lines):
        """Lines that are in no loop."""
        for line in lines:
            names = [*line.targets, *map(self._outside, line.words[line.form.targets :])]
            elements = [name for name in names if "[" in name] if line.form.is_deletion else ()
            if not elements:
                self._line(line.form.text(names), line, line.form.errstate)
                continue
            for element in elements:  # the list stays as long as it is
                self._line(f"{line.form.indent}{element} = None", line)
            names = [name for name in names if name not in elements]
            if names:
                self._line(f"{line.form.indent}del {', '.join(names)}", line)

    def _add_loop(self, loop):
        first = loop.lines[0]
        indent = first.form.indent
        collected = {name: place for (owner, *place), name in self._lists.items() if owner is loop}
        for name in collected:
            self._line(f"{indent}{name} = []", first)
        for turns, (_, *variables) in loop.handed.items():
            for variable, word in zip(reversed(variables), turns, strict=False):
                self._line(f"{indent}{variable} = {self._outside(word)}", first)
        elements = {}
        for word in dict.fromkeys(word for names in loop.names for word in names if loop.place(word) is None):
            if self._outside(word) != word:
                elements[word] = f"x{next(self._fresh)}"
                self._line(f"{indent}{elements[word]} = {self._outside(word)}", first)
        self._line(f"{indent}for {self._heading(loop)}:", first)
        for line, names in zip(loop.lines, loop.names, strict=True):
            self._line(f"    {line.form.text([elements.get(name, name) for name in names])}", line, line.form.errstate)
        for name, place in collected.items():
            self._line(f"{indent}    {name}.append({loop.result(*place)})", first)
        for variables in loop.handed.values():
            for older, newer in pairwise(reversed(variables)):
                self._line(f"{indent}    {older} = {newer}", first)

    def _heading(self, loop):
        """Variables, and what they run over: what is known beforehand in one table, everything else by itself."""
        known = [turns for turns in loop.columns if all(is_known(word, self._given) for word in turns)]
        others = [turns for turns in loop.columns if turns not in known]
        variables, sources = [loop.columns[turns] for turns in others], list(map(self._sequence, others))
        if known:
            names = ", ".join(loop.columns[turns] for turns in known)
            variables.insert(0, f"({names})" if sources and len(known) > 1 else names)
            sources.insert(0, f"table{len(self.tables)}")
            self.tables[sources[0]] = known
        if not sources:
            return f"_ in range({loop.turns})"
        source = sources[0] if len(sources) == 1 else f"zip({', '.join(sources)}, strict=True)"
        return f"{', '.join(variables)} in {source}"

    def _sequence(self, words):
        """Results of other loops, or anything, one after another."""
        elements = [self._element(word) for word in words]
        if None not in elements and len({name for name, _ in elements}) == 1:
            name, turns = elements[0][0], [turn for _, turn in elements]
            distances = {later - earlier for earlier, later in pairwise(turns)}
            if len(distances) == 1 and (distance := distances.pop()):
                stop = turns[-1] + distance
                return f"{name}[{turns[0]}:{'' if stop < 0 else stop}:{distance}]"
        return f"[{', '.join(map(self._outside, words))}]"


def is_known(word, given):
    """True for what has its value before the program runs."""
    return word in given or word[0].isdigit()


def table(columns, value):
    """The rows of a table: numbers, and the values of names; without tuples where there is one column."""
    columns = [[_number(word) if word[0].isdigit() else value[word] for word in column] for column in columns]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _number(word):
    return int(word) if word.isdigit() else float(word)
