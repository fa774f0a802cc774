"""Sets with a tangent space at every point: parametrisations, level sets, and the classical matrix manifolds."""

from opad.manifolds.base import Manifold as Manifold
from opad.manifolds.chart import Chart as Chart
from opad.manifolds.levelset import LevelSet as LevelSet
from opad.manifolds.maps import PointMap as PointMap
from opad.manifolds.maps import SelfAdjoint as SelfAdjoint
from opad.manifolds.product import Product as Product
from opad.manifolds.singular import polar_factor as polar_factor
from opad.manifolds.singular import svfun as svfun
from opad.manifolds.spectral import expm as expm
from opad.manifolds.spectral import solve_lyapunov as solve_lyapunov
from opad.manifolds.spectral import symfun as symfun
from opad.manifolds.spectral import symsqrt as symsqrt
