"""Scenarios that come with the simulator."""
