"""TR-369 (USP): records, messages and conversations with agents over MQTT and WebSocket.

Empty as yet: devices are managed over CWMP only. The values of `acs.model` and everything in
`acs.profiles` already speak no protocol, so that this room can be added without touching them.
"""
