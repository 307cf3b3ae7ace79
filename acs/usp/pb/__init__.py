"""Modules generated from `proto/` (``make proto``); a test proves them current."""
