"""What the server can carry, measured beside a bare echo over the same HTTP edge.

Three kinds of process: the server under test, as people run it; `echo`, the baseline; and `load`,
the CPEs.  A figure is sessions per CPU-second of the server's processes, so neither the load nor
a busy neighbour is part of it.

What is measured
- `figures`       every figure, the session it is about, and its aims
- `size`          how much of it
- `run`           all figures of a run
- `rates`         sessions per CPU-second, by turns with the echo
- `open_sessions` memory of a session that stays open
- `storm`         a town of new ONTs at once, found in ERPNext and provisioned
- `report`, `plots`  medians, noise, aims: table, JSON, a page

What it is measured on
- `units`         who the devices of a run are
- `place`         a data directory with its database
- `databases`     SQLite files, or a PostgreSQL cluster of the run's own
- `fleet`         a place in which devices are known, provisioned and live
- `recording`     real sessions of a simulated ONT, to be played by the load
- `business`      ERPNext's stand-in
- `usp`, `erp`    figures of USP over MQTT, and of ERPNext in real life
- `certificate`   for TLS

Processes
- `processes`     starting, weighing and stopping them
- `servers`       ``acs serve`` and the echo
- `players`       the load processes together
- `load`          one load process; `orders` is what it is told
- `storming`      its side of a storm

No I/O
- `template`      recorded bytes with gaps for what differs
- `dialogue`      the CPE's side of one session
- `wire`, `calls` are its sockets: one connection, and all of them
"""
