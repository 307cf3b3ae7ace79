"""What the server can carry, measured beside a bare echo over the same HTTP edge.

Three kinds of process: the server under test, as people run it; `echo`, the baseline; and `load`,
the CPEs.  A figure is sessions per CPU-second of the server's processes, so neither the load nor
a busy neighbour is part of it.

- `units`      who the devices of a run are
- `fleet`      a database in which they are known, provisioned and live
- `recording`  one real session of a simulated ONT, to be played by the load
- `dialogue`   the CPE's side of one session, out of recorded bytes; no I/O
- `load`       many of them at once, over epoll; a process
- `echo`       the baseline; a process
- `processes`  starting, timing and stopping processes
- `figures`    what is measured
- `run`        measuring it
- `report`     medians, noise, table and JSON
"""
