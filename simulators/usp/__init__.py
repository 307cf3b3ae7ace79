"""Simulated USP agents (TR-369) over MQTT and WebSocket, on the models that `cpe-sim` runs.

An honest peer of the server: nothing is shared with it but the generated wire schemas.
`simulators.usp.agent.Agent` is one agent without I/O; links carry its records.
"""
