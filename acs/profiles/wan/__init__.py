"""Connections to the outside: where a device has them, which one is meant, how one is built."""
