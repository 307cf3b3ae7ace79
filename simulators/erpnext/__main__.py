"""``python -m simulators.erpnext`` is ``erpnext-sim``."""

from simulators.erpnext.cli import main

main()
