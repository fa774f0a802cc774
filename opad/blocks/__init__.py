"""Block systems: matrices whose entries are operators, and the two substitutions that solve them."""

from opad.blocks.entries import I as I
from opad.blocks.matrix import BlockMatrix as BlockMatrix
from opad.blocks.solve import solve as solve
from opad.blocks.vector import BlockVector as BlockVector
