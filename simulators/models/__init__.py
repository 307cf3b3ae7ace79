"""Compact data-model files of the simulated devices."""
