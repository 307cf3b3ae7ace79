"""Simulated CPEs over real CWMP: TP-Link family A ONTs and two generic devices.

An honest peer of the server: nothing here is shared with it.
"""
