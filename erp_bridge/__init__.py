"""The bridge to ERPNext: who the equipment is, and what its customer should have.

`client` speaks to a site, `mapping` says how the site names things, `lookup` reads in bulk,
`source` answers the core from the mirror, `check` looks the site over.
"""
