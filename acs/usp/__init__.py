"""TR-369 (USP): records, messages and conversations with agents over MQTT and WebSocket."""
