"""The demonstration: a server, an ERPNext stand-in and six ONTs, provisioned as you watch."""
