"""Tests a device runs itself: ping, trace, speed, name lookup, a scan for neighbours' Wi-Fi."""
