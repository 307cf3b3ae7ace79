"""Outgoing events: who is told what, in which form, and when again after a failure."""
