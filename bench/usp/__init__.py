"""Figures of USP over MQTT: ``python -m bench --suite usp``."""
