"""The demonstration: a server, an ERPNext stand-in and three ONTs, provisioned as you watch."""
