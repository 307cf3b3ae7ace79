"""How a device is: its light, Wi-Fi, WAN, hosts and telephone, and what they mean."""
