"""A stand-in for the parts of ERPNext's REST interface that an ISP's ACS talks to.

It behaves as Frappe 15 was recorded to behave (answers, error bodies, text comparison,
locking, passwords), keeps its documents in memory, and fails on demand.  From the inside:

* `site.Site` answers one Frappe request; sans-IO, clock handed in;
* `simulator.Simulator` adds faults, statistics and the ``/__sim__/`` controls;
* `web` puts it on a socket, `adapter` behind a `requests` session without one,
  `running` into a process of its own for tests.

The doctypes are data (``seeds/doctypes.toml``), and so are the demo customers
(``seeds/demo.toml``).
"""
