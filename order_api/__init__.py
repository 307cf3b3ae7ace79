"""From an address to an installed line: availability, ports, prices, payment, order.

Empty as yet: orders are taken elsewhere, and the server begins at the `Service Equipment`
that ERPNext holds.
"""
