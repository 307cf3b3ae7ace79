"""Gigafibre ACS: one provisioning core for CWMP (TR-069) and USP (TR-369) devices."""
