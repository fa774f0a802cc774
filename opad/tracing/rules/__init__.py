"""Jacobian rules, one module per part of the library that is differentiated."""
