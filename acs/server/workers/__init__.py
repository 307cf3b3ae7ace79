"""Several worker processes on one set of ports: `acs serve --workers N`.

A supervisor binds the ports, starts the workers on them, replaces those that die, and answers
`/health` and `/metrics` for all; it serves no device itself.  Each worker is a whole server.  What
the workers of one supervisor share is in its directory: a local socket of each worker, and boards
(shared memory) for the little that must be known by all at once.

- `names`       a worker's name, and the cookies that begin with it
- `share`       what of each bound falls to one worker
- `board`       a table in shared memory
- `claims`      which worker has a session with which device
- `replay`      Digest answers that any worker has taken
- `messages`    what neighbours say to each other
- `neighbours`  asking another worker over its local socket, and being asked
- `desk`        requests that belong to another worker's session; the last ones before an end
- `worker`      one worker's process
- `crew`        who is to be started and ended when: no I/O
- `supervisor`  the process that looks after the others
- `figures`     the metrics of several processes as one
- `admin`       health and metrics of all
"""
