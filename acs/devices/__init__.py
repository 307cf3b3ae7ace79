"""Who the devices are: identity and matching, records, and what happens when one calls."""
