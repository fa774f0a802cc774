"""Derivatives of functions: gradients, products, Jacobians, linearisations, checkpoints."""
