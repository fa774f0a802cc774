"""Benchmarks of opad: the asv suite in `benchmarks/`, and `python -m asv_bench.report`."""
