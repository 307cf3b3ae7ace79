"""Honest peers of the server: a CPE fleet and an ERPNext, sharing no code with it."""
