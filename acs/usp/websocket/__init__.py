"""The WebSocket transfer protocol of USP: agents connect to us (TR-369, WebSocket Binding)."""

from acs.usp.websocket.admission import Terms
from acs.usp.websocket.edge import WebSocketEdge
from acs.usp.websocket.options import Watcher, WebSocketOptions

__all__ = ["Terms", "Watcher", "WebSocketEdge", "WebSocketOptions"]
